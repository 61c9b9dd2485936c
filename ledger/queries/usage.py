"""Usage: what was granted, consumed and expired between instants, by differences of the running totals."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from ledger.queries.balance import AccountBalance
from ledger.queries.moments import Standing, standings_before
from ledger.queries.past import Past

_past = Past()


def usage(account: AccountBalance, boundaries: Sequence[datetime]) -> list[dict[str, Any]]:
    """For each two neighbouring boundaries, the first counted in and the second not: from, to, and three sums.

    Sums are whole credits, reversals taken off: less than 0 where more was reversed than moved.
    """
    stood = _standings(account, boundaries)
    return [
        {
            "from": begin,
            "to": end,
            "granted": after.total_granted - before.total_granted,
            "consumed": after.total_consumed - before.total_consumed,
            "expired": after.total_expired - before.total_expired,
        }
        for (begin, end), (before, after) in zip(pairwise(boundaries), pairwise(stood), strict=True)
    ]


def _standings(account: AccountBalance, boundaries: Sequence[datetime]) -> list[Standing]:
    """How the account stood just before each boundary. Those between begin and end come again, so they are remembered.

    Where a later transaction was there when the account was read, nothing can come before it any more.
    """
    known = _past.of(account.id)
    unknown = [boundary for boundary in boundaries if boundary not in known]
    read = dict(zip(unknown, standings_before(account, unknown), strict=True)) if unknown else {}
    cuts = [boundary for boundary in boundaries[1:-1] if boundary in read]
    _past.remember(account.id, {cut: read[cut] for cut in cuts if read[cut].sequence < account.sequence})
    return [read[boundary] if boundary in read else known[boundary] for boundary in boundaries]
