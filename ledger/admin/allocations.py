"""Allocations: which lots a row opened, took how much of, or gave back to."""

from collections.abc import Sequence
from typing import Any

from ledger.admin.display import Table, row_link
from ledger.admin.standing import state_of
from ledger.models import Lot
from ledger.templatetags.ledger_display import number


def opened_table(lot: Lot) -> Table:
    """A table of the one lot that a transaction opened."""
    return Table(
        "Lot that it opened",
        ("Lot", "Category", "Amount", "Remaining", "State"),
        [[row_link(lot), lot.category, number(lot.amount), number(lot.remaining), state_of(lot)]],
    )


def allocations_table(title: str, allocations: Sequence[Sequence[Any]]) -> Table:
    """A table of stored allocations, in the order in which they were made."""
    lots = {str(key): lot for key, lot in Lot.objects.in_bulk([lot_id for lot_id, _ in allocations]).items()}
    return Table(
        title,
        ("Lot", "Category", "Credits"),
        [[row_link(lots[lot_id]), lots[lot_id].category, number(part)] for lot_id, part in allocations],
    )
