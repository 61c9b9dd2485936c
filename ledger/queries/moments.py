"""Moments: how an account stood just before any instant, by halving its sequence: sequence and time agree.

An instant costs some twenty look-ups in the index of (account, sequence) whatever the account's age, all of them in
one statement for all instants. An index on time would be of no use: a million declined rows may lie between two posted
ones.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger import dialect
from ledger.dialect import INTEGER, MOMENT, Columns
from ledger.queries.balance import AccountBalance
from ledger.queries.connection import asked_again_if_lost
from ledger.queries.due import with_due
from ledger.queries.statement import rows_of

INSTANT: Columns = {"place": INTEGER, "moment": MOMENT}
SEQUENCE: Columns = {"sequence": INTEGER}


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
def sequences_before(account: AccountBalance, moments: Sequence[datetime]) -> list[int]:
    """The sequence of the account's newest transaction posted before each of these instants; 0 where there is none."""
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
    rows = dialect.recordset({"place": place, "moment": moment} for place, moment in enumerate(moments))
    step = 1 << account.sequence.bit_length()
    return [position for (position,) in rows_of(sql, [step, rows, account.id.hex])]


@asked_again_if_lost
def standings_after(account_id: UUID, sequences: Collection[int]) -> dict[int, Standing]:
    """How the account stood after the transactions with these sequences, and (0) before the first."""
    spoken = dialect.current()
    sql = (
        "SELECT sequence, balance_after, total_granted, total_consumed, total_expired FROM credit_transactions "
        f"WHERE account_id = %s AND sequence IN (SELECT {spoken.column('sequence')} FROM {spoken.source(SEQUENCE)})"
    )
    rows = rows_of(sql, [account_id.hex, dialect.recordset({"sequence": sequence} for sequence in sequences)])
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
