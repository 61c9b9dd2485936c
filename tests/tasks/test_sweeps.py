"""Sweeps: one that comes late, behind a worker that could not work, is left to the next one."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ledger.models import OutboxRow
from tasks.sweeps import sweep_waiting
from tests.ledger.stored import waiting_of


@pytest.mark.parametrize(("expires_in_s", "is_done"), [(-1, False), (30, True)])
def test_a_sweep_that_comes_late_does_nothing(own_database: str, expires_in_s: int, is_done: bool) -> None:
    (*_, kept) = waiting_of()
    kept.due_at, kept.send_again = datetime.now(UTC) - timedelta(seconds=5), True
    kept.save()
    expires = datetime.now(UTC) + timedelta(seconds=expires_in_s)
    sweep_waiting.push_request(id=str(uuid4()), expires=expires.isoformat())

    try:
        swept = sweep_waiting()
    finally:
        sweep_waiting.pop_request()

    assert (swept > 0, OutboxRow.objects.exists()) == (is_done, is_done)
