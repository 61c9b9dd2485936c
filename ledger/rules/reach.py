"""Reach: of which accounts a batch does no more than burn lots, and how many credits it can burn at most.

The lots that burn first are all that has to be known of such an account, however many it has.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from ledger.rules.movements import Movement
from ledger.rules.state import AccountState, Operation
from ledger.rules.terms import Terms


def burnt_at_most(
    accounts: Iterable[AccountState], movements: Iterable[Movement], *, now: datetime
) -> Mapping[UUID, int]:
    """By account, the credits that all debits of the batch's movements come to.

    Without those accounts on which something is due, and those for which the batch asks for more than to spend
    credits or to add some for good: there, any lot may matter.
    """
    asked: defaultdict[UUID, list[Movement]] = defaultdict(list)
    for movement in movements:
        asked[movement.merchant_id].append(movement)
    return {
        account.id: _debited(asked[account.merchant_id])
        for account in accounts
        if not account.is_due(now) and all(_is_plain(movement.terms) for movement in asked[account.merchant_id])
    }


def _debited(movements: Iterable[Movement]) -> int:
    return sum(movement.amount or 0 for movement in movements if movement.operation is Operation.DEBIT)


def _is_plain(terms: Terms) -> bool:
    """Whether a movement aims at nothing, sets nothing aside, and opens no lot that anything falls due of."""
    lot = terms.lot
    has_dates = lot is not None and (lot.effective_at is not None or lot.expires_at is not None)
    return terms.target is None and terms.expires_in_s is None and not has_dates
