"""The past: how accounts stood at midnights, and other cuts, that a later transaction lies behind.

Nothing changes them any more: an account's sequence and its time agree, so nothing comes before what is posted. Who
looks at a year day by day asks for the same days again and again; each process remembers them, of the accounts that
were asked for last. That is true of one history: a process must not outlive a database that has lost its newest rows.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from types import MappingProxyType
from uuid import UUID

from ledger.queries.moments import Standing

MOST = 50_000  # instants a process, some 400 bytes each
MOST_OF_ONE = 2_000  # of one account
NOTHING: Mapping[datetime, Standing] = MappingProxyType({})


class Past:
    """How accounts stood just before instants of their past. Threads may share it."""

    def __init__(self, *, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._count = 0
        self._by_account: OrderedDict[UUID, dict[datetime, Standing]] = OrderedDict()
        self._lock = Lock()

    def of(self, account_id: UUID) -> Mapping[datetime, Standing]:
        """What is remembered of an account, by instant."""
        with self._lock:
            if account_id not in self._by_account:
                return NOTHING
            self._by_account.move_to_end(account_id)
            return self._by_account[account_id]

    def remember(self, account_id: UUID, stood: Mapping[datetime, Standing]) -> None:
        """Remember more of an account, or only that where it would be too much; forget whom nobody asked for."""
        if not stood:
            return
        with self._lock:
            before = self._by_account.pop(account_id, {})
            both = {**before, **stood}  # a new one: another thread may be reading the one before
            self._by_account[account_id] = both if len(both) <= self._most_of_one else dict(stood)
            self._count += len(self._by_account[account_id]) - len(before)
            while self._count > self._most:
                _, forgotten = self._by_account.popitem(last=False)
                self._count -= len(forgotten)
