"""Waiting rows: requests that wait for their account, their target or their time, as they are stored and taken up."""

import json
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ledger import dialect
from ledger.dialect import BOOLEAN, INTEGER, JSON, MOMENT, TEXT, UUID_, Columns
from ledger.journal.inserting import insert_rows, rows_of_mappings
from ledger.journal.stored import stored_request
from ledger.requests import Request
from ledger.rules.batch import Waiting

MERCHANT: Columns = {"merchant_id": UUID_}
ROW: Columns = {"id": INTEGER}
WAITING: Columns = {
    "fingerprint": TEXT,
    "merchant_id": UUID_,
    "target_reference_type": TEXT,
    "target_reference_id": TEXT,
    "reference_type": TEXT,
    "reference_id": TEXT,
    "task": TEXT,
    "kwargs": JSON,
    "message": JSON,
    "send_again": BOOLEAN,
    "correlation_id": TEXT,
    "arrived_at": MOMENT,
    "due_at": MOMENT,
    "park_at": MOMENT,
}
REQUEST = "task, kwargs, message, correlation_id"  # what a request is made of
MAX_DRAINED = 500  # what one opening posts of what was waiting for it; the sweep posts the rest


def waiting_for(merchants: Set[UUID], now: datetime, *, lock: str) -> dict[UUID, list[Waiting]]:
    """What waits for these merchants and whose time has come, in order of arrival, MAX_DRAINED at most.

    What has expired meanwhile is left to the sweep, which parks it.
    """
    if not merchants:
        return {}
    spoken = dialect.current()
    sql = (
        f"SELECT id, merchant_id, {REQUEST} FROM credit_waiting WHERE merchant_id IN "
        f"(SELECT {spoken.column('merchant_id')} FROM {spoken.source(MERCHANT)}) "
        f"AND (due_at <= %s OR due_at <= arrived_at) AND NOT send_again ORDER BY id LIMIT {MAX_DRAINED} {lock}"
    )
    waiting: dict[UUID, list[Waiting]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [*dialect.recordset(MERCHANT, zip(sorted(merchants))), spoken.encode(now)])
        for row, merchant_id, *stored in cursor.fetchall():
            request = _request(*stored)
            if request.message and request.message().has_expired(at=now):
                continue
            waiting.setdefault(spoken.uuid(merchant_id), []).append(Waiting(request, row))
    return waiting


def still_waiting(batch: Sequence[Waiting]) -> Sequence[Waiting]:
    """A batch whose stored rows were read without a lock, as they are now, locked until the transaction ends.

    Those that another has posted or parked meanwhile, or has in hand, are left out.
    """
    rows = sorted(waiting.row for waiting in batch if waiting.row is not None)
    if not rows:
        return batch
    spoken = dialect.current()
    sql = (
        f"SELECT id, {REQUEST} FROM credit_waiting WHERE id IN "
        f"(SELECT {spoken.column('id')} FROM {spoken.source(ROW)}) ORDER BY id {spoken.lock_free_ones}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(ROW, zip(rows)))
        locked = {row: stored for row, *stored in cursor.fetchall()}
    return [
        waiting if waiting.row is None else Waiting(_request(*locked[waiting.row]), waiting.row)
        for waiting in batch
        if waiting.row is None or waiting.row in locked
    ]


def insert_waiting(rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert waiting rows in order of arrival; a repeat of a message that waits already changes nothing."""
    insert_rows("credit_waiting", WAITING, rows_of_mappings(rows, WAITING), on_conflict="(fingerprint) DO NOTHING")


def delete_waiting(rows: Sequence[int]) -> None:
    """Delete waiting rows that have been decided or parked, within the caller's transaction."""
    if not rows:
        return
    spoken = dialect.current()
    sql = f"DELETE FROM credit_waiting WHERE id IN (SELECT {spoken.column('id')} FROM {spoken.source(ROW)})"
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(ROW, zip(rows)))


def _request(task: str, kwargs: str, message: str, correlation_id: str) -> Request:
    return stored_request(task, json.loads(kwargs), json.loads(message), correlation_id)
