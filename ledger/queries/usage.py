"""Usage: what was granted, consumed and expired between instants, by differences of the running totals."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from ledger.queries.balance import AccountBalance
from ledger.queries.moments import standings_before


def usage(account: AccountBalance, boundaries: Sequence[datetime]) -> list[dict[str, Any]]:
    """For each two neighbouring boundaries, the first counted in and the second not: from, to, and three sums.

    Sums are whole credits, reversals taken off: less than 0 where more was reversed than moved.
    """
    stood = standings_before(account, boundaries)
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
