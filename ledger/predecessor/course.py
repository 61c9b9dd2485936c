"""The course of an account: its rows in their order, and what it takes to have them add up."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ledger.fields import MAX_AMOUNT, MAX_BALANCE
from ledger.predecessor.rows import OldTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What an account's rows come to: how many they are, and the rows of ours before and after them.

    opening and closing are credits, 0 where no such row is needed; closing is below 0 where it is a debit. highest is
    the highest balance on the way.
    """

    rows: int
    opening: int
    closing: int
    highest: int

    @property
    def fits(self) -> bool:
        """Whether the books can hold it."""
        return self.highest <= MAX_BALANCE and max(self.opening, abs(self.closing)) <= MAX_AMOUNT


def in_order(rows: Iterable[OldTransaction]) -> Iterator[OldTransaction]:
    """Rows by their time; of those of one moment, each that takes up where the one before left off goes first."""
    left_at = 0
    for _, group in groupby(rows, key=lambda row: row.created_at):
        waiting: dict[int, deque[OldTransaction]] = {}
        of_moment = list(group)
        for row in of_moment:
            waiting.setdefault(row.balance_before, deque()).append(row)
        done: set[int] = set()
        for first in of_moment:
            while following := waiting.get(left_at):
                row = following.popleft()
                if id(row) not in done:
                    done.add(id(row))
                    left_at = row.balance_after
                    yield row
            if id(first) not in done:
                done.add(id(first))
                left_at = first.balance_after
                yield first


def course_of(rows: Iterable[OldTransaction], *, balance: int) -> Course:
    """The course of rows in their order to the account's balance.

    Rows that follow one from another keep their balances, from whatever the first one found. Any others are added up
    anew, from the least balance with which none falls below 0.
    """
    count = running = lowest = highest = found = 0
    left_at: int | None = None
    follow = True
    for row in rows:
        if left_at is None:
            left_at = found = row.balance_before
        follow = follow and row.adds_up and row.balance_before == left_at and row.amount > 0
        left_at = row.balance_after
        running += row.change
        lowest, highest = min(lowest, running), max(highest, running)
        count += row.amount > 0
    opening = found if follow and found + lowest >= 0 else -lowest
    closing = balance - opening - running
    return Course(rows=count, opening=opening, closing=closing, highest=opening + highest)
