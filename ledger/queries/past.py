"""The past: how accounts stood at instants that a later transaction lies behind, which nothing changes any more.

An account's sequence and its time agree, so nothing can come before what is posted. Who looks at a year day by day
asks for the same days again and again: each process remembers them, of the accounts that were asked for last.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from types import MappingProxyType
from uuid import UUID

MOST = 50_000  # instants a process, some 400 bytes each
NOTHING: Mapping[datetime, "Standing"] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's newest posted transaction as of an instant, and the figures after it, in credits; 0 before any."""

    sequence: int = 0
    balance: int = 0
    total_granted: int = 0
    total_consumed: int = 0
    total_expired: int = 0


class Past:
    """How accounts stood just before instants of their past. Threads share it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
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
        """Remember more of an account, and forget those that nobody has asked for for longest."""
        if not stood:
            return
        with self._lock:
            own = self._by_account.pop(account_id, {})
            self._count += len(stood.keys() - own.keys())
            self._by_account[account_id] = {**own, **stood}  # another thread may be reading the one before
            while self._count > self._most:
                _, forgotten = self._by_account.popitem(last=False)
                self._count -= len(forgotten)
