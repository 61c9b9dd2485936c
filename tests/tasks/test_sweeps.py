"""Sweeps: one that comes late, behind a worker that could not work, is left to the next one."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from ledger.models import OutboxRow
from tasks.publishing import Published
from tasks.relay import Relay
from tasks.sweeps import prune_outbox, sweep_outbox, sweep_waiting
from tests.ledger.builders import opened_account
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


def test_what_was_published_is_kept_for_as_long_as_is_set_and_what_was_not_for_ever(
    own_database: str, settings: Any
) -> None:
    settings.OUTBOX_RETENTION = timedelta(days=3)
    now = datetime.now(UTC)
    for days in (2, 4):
        opened_account(credits_bought=5)
        OutboxRow.objects.filter(published_at=None).update(published_at=now - timedelta(days=days))
    opened_account(credits_bought=5)
    events = OutboxRow.objects.filter(published_at=None).count()
    kept = OutboxRow.objects.filter(published_at__gte=now - timedelta(days=3)).count()

    pruned = prune_outbox()

    assert pruned == events  # as many for each account
    assert OutboxRow.objects.count() == events + kept


def test_a_sweep_ends_where_the_broker_confirms_nothing_and_leaves_the_rest_to_the_next_one(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def publish(messages: Any) -> Published:
        sent.append(len(messages))
        return Published(error="not confirmed in time")

    monkeypatch.setattr("tasks.relay.publisher_for", lambda _: SimpleNamespace(publish=publish))
    monkeypatch.setattr("tasks.sweeps.relay", Relay())
    monkeypatch.setattr("tasks.sweeps.BATCH", 2)
    for _ in range(3):
        opened_account(credits_bought=5)
    OutboxRow.objects.update(publish_after=datetime.now(UTC) - timedelta(hours=1))

    published = sweep_outbox()

    assert (published, sent) == (0, [2])
