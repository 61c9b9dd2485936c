"""Moments: how an account stood just before any instant, in the same few statements for one instant as for a thousand.

The index of (merchant, time) leads to the rows next before an instant. A thousand of them may be declined, or of one
moment; what they don't tell is found by halving the account's sequence, for sequence and time agree: some twenty
look-ups whatever lies between.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ledger import dialect
from ledger.dialect import INTEGER, MOMENT, Columns
from ledger.queries.balance import AccountBalance
from ledger.queries.connection import asked_again_if_lost
from ledger.queries.due import with_due
from ledger.queries.statement import rows_of

INSTANT: Columns = {"place": INTEGER, "moment": MOMENT}
SEQUENCE: Columns = {"sequence": INTEGER}
NEAREST_ROWS = 4  # looked at before an instant, declined ones too


class Counted(Protocol):
    """An account as far as its history is looked up by: whose it is, and how many transactions were posted to it."""

    @property
    def id(self) -> UUID: ...
    @property
    def merchant_id(self) -> UUID: ...
    @property
    def sequence(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's newest posted transaction as of an instant, and the figures after it, in credits; 0 before any."""

    sequence: int = 0
    balance: int = 0
    total_granted: int = 0
    total_consumed: int = 0
    total_expired: int = 0


@asked_again_if_lost
def standings_before(account: AccountBalance, moments: Sequence[datetime]) -> list[Standing]:
    """How the account stood just before each of these instants, with what was due by then and is not posted yet."""
    due = _due(account) if account.is_overdue else []
    positions = sequences_before(account, moments)
    posted = standings_after(account.id, set(positions))
    stood = []
    for moment, position in zip(moments, positions, strict=True):
        of_time = bisect_left(due, moment, key=lambda entry: entry[0])
        newest_due = due[of_time - 1][1] if of_time else Standing()
        stood.append(max(posted[position], newest_due, key=lambda standing: standing.sequence))
    return stood


@asked_again_if_lost
def sequences_before(account: Counted, moments: Sequence[datetime]) -> list[int]:
    """The sequence of the account's newest transaction posted before each of these instants; 0 where there is none."""
    found = _found_nearby(account, moments)
    unsure = [moment for moment, sequence in zip(moments, found, strict=True) if sequence is None]
    halved = iter(_found_by_halving(account, unsure) if unsure else [])
    return [next(halved) if sequence is None else sequence for sequence in found]


def _found_nearby(account: Counted, moments: Sequence[datetime]) -> list[int | None]:
    """The same by the rows next before each instant; None where they leave it open.

    They tell it where they are all that there are, or hold every posted row of the newest moment that has one.
    """
    spoken = dialect.current()
    nearest = (
        "SELECT t.sequence, t.created_at FROM credit_transactions t WHERE t.merchant_id = %s "
        f"AND t.created_at < {spoken.column('moment')} ORDER BY t.created_at DESC LIMIT {NEAREST_ROWS}"
    )
    sql = (
        f"SELECT (SELECT CASE WHEN count(*) < {NEAREST_ROWS} "
        "OR min(created_at) < max(created_at) FILTER (WHERE sequence IS NOT NULL) "
        f"THEN COALESCE(max(sequence), 0) END FROM ({nearest}) nearest) "
        f"FROM {spoken.source(INSTANT)} ORDER BY {spoken.column('place')}"
    )
    return [sequence for (sequence,) in rows_of(sql, [account.merchant_id.hex, *_instants(moments)])]


def _found_by_halving(account: Counted, moments: Sequence[datetime]) -> list[int]:
    """The same by halving the account's sequence again and again."""
    spoken = dialect.current()
    earlier = (
        "(SELECT t.created_at FROM credit_transactions t WHERE t.account_id = %s AND t.sequence = h.position + h.step)"
    )
    sql = (
        "WITH RECURSIVE halved (place, moment, position, step) AS ("
        f"SELECT {spoken.column('place')}, {spoken.column('moment')}, CAST(0 AS bigint), CAST(%s AS bigint) "
        f"FROM {spoken.source(INSTANT)} UNION ALL "
        f"SELECT h.place, h.moment, h.position + CASE WHEN {earlier} < h.moment THEN h.step ELSE 0 END, h.step / 2 "
        "FROM halved h WHERE h.step > 0) SELECT position FROM halved WHERE step = 0 ORDER BY place"
    )
    step = 1 << account.sequence.bit_length()
    return [position for (position,) in rows_of(sql, [step, *_instants(moments), account.id.hex])]


def _instants(moments: Sequence[datetime]) -> list[str]:
    return dialect.recordset(INSTANT, enumerate(moments))


@asked_again_if_lost
def standings_after(account_id: UUID, sequences: Collection[int]) -> dict[int, Standing]:
    """How the account stood after the transactions with these sequences, and (0) before the first."""
    spoken = dialect.current()
    sql = (
        "SELECT sequence, balance_after, total_granted, total_consumed, total_expired FROM credit_transactions "
        f"WHERE account_id = %s AND sequence IN (SELECT {spoken.column('sequence')} FROM {spoken.source(SEQUENCE)})"
    )
    rows = rows_of(sql, [account_id.hex, *dialect.recordset(SEQUENCE, zip(sequences))])
    return {0: Standing(), **{row[0]: Standing(*row) for row in rows}}


def _due(account: AccountBalance) -> list[tuple[datetime, Standing]]:
    """What is due and not posted yet: when, and how the account stands after it."""
    _, planned = with_due(account.merchant_id)
    return [
        (
            entry.created_at,
            Standing(
                entry.sequence, entry.balance_after, entry.total_granted, entry.total_consumed, entry.total_expired
            ),
        )
        for entry in planned.entries
        if entry.sequence is not None
    ]
