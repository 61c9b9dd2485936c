"""Allocations: which lots a row took how much of, or gave back to."""

from collections.abc import Sequence
from typing import Any

from ledger.admin.display import Table, row_link
from ledger.models import Lot
from ledger.templatetags.ledger_display import number


def allocations_table(title: str, allocations: Sequence[Sequence[Any]]) -> Table:
    """A table of stored allocations, in the order in which they were made."""
    lots = {str(key): lot for key, lot in Lot.objects.in_bulk([lot_id for lot_id, _ in allocations]).items()}
    return Table(
        title,
        ("Lot", "Category", "Credits"),
        [[row_link(lots[lot_id]), lots[lot_id].category, number(part)] for lot_id, part in allocations],
    )
