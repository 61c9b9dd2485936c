"""Sweeps: one that comes late, behind a worker that could not work, is left to the next one."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from ledger import dialect
from ledger.journal import post
from ledger.models import OutboxBatch, OutboxRow, ParkedMessage, WaitingCommand
from tasks.publishing import Published
from tasks.relay import Relay
from tasks.sweeps import prune_outbox, sweep_due, sweep_outbox
from tests.ledger.builders import grant, opened_account, request, requests
from tests.ledger.stored import task_message, waiting_of


@pytest.mark.parametrize(("expires_in_s", "is_done"), [(-1, False), (30, True)])
def test_a_sweep_that_comes_late_does_nothing(own_database: str, expires_in_s: int, is_done: bool) -> None:
    (*_, kept) = waiting_of()
    kept.due_at, kept.send_again = datetime.now(UTC) - timedelta(seconds=5), True
    kept.save()
    expires = datetime.now(UTC) + timedelta(seconds=expires_in_s)
    sweep_due.push_request(id=str(uuid4()), expires=expires.isoformat())

    try:
        swept = sweep_due()
    finally:
        sweep_due.pop_request()

    assert (swept > 0, OutboxRow.objects.exists()) == (is_done, is_done)


def test_as_long_as_nothing_is_due_a_sweep_looks_once(own_database: str, django_assert_max_num_queries: Any) -> None:
    now = datetime.now(UTC)
    WaitingCommand.objects.filter(id__in=[row.id for row in waiting_of()]).update(
        arrived_at=now, due_at=now + timedelta(hours=1), park_at=now + timedelta(days=1)
    )

    with django_assert_max_num_queries(4):  # PostgreSQL's clock and what waits, and again for the accounts
        assert sweep_due() == 0


def test_what_was_published_is_kept_for_as_long_as_is_set_and_what_was_not_for_ever(
    own_database: str, settings: Any
) -> None:
    settings.OUTBOX_RETENTION = timedelta(days=3)
    now = datetime.now(UTC)
    for days in (2, 4):
        opened_account(credits_bought=5)
        OutboxBatch.objects.filter(published_at=None).update(published_at=now - timedelta(days=days))
    opened_account(credits_bought=5)
    events = OutboxRow.objects.filter(batch__published_at=None).count()
    kept = OutboxRow.objects.filter(batch__published_at__gte=now - timedelta(days=3)).count()

    pruned = prune_outbox()

    assert pruned == events  # as many for each account
    assert OutboxRow.objects.count() == events + kept


def batches_of_three(count: int) -> None:
    """So many batches of three outbox rows, which nobody has published in time."""
    merchant_id = opened_account().merchant_id
    for _ in range(count):
        post(requests(*(grant(merchant_id=merchant_id) for _ in range(3))))
    OutboxBatch.objects.update(publish_after=datetime.now(UTC) - timedelta(hours=1))


def test_a_sweep_goes_on_though_the_next_batch_does_not_fit(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sweeps.BATCH", 4)
    monkeypatch.setattr("tasks.relay.publisher_for", lambda _: SimpleNamespace(publish=confirm_all))
    monkeypatch.setattr("tasks.sweeps.relay", Relay())
    batches_of_three(3)

    assert sweep_outbox() == 9


def confirm_all(messages: Any) -> Published:
    return Published(confirmed={message.id for message in messages})


def test_pruning_goes_on_though_the_next_batch_does_not_fit(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sweeps.BATCH", 4)
    batches_of_three(3)
    OutboxBatch.objects.update(published_at="2026-01-01T00:00:00Z")

    assert prune_outbox() == 9


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A broker that confirms nothing; how many messages it was sent at a time. Sweeps go by two."""
    sizes: list[int] = []

    def publish(messages: Any) -> Published:
        sizes.append(len(messages))
        return Published(error="not confirmed in time")

    silent = Relay()
    monkeypatch.setattr("tasks.relay.publisher_for", lambda _: SimpleNamespace(publish=publish))
    monkeypatch.setattr("tasks.sweeps.relay", silent)
    monkeypatch.setattr("tasks.posting.relay", silent)
    monkeypatch.setattr("tasks.sweeps.BATCH", 2)
    return sizes


def wait_for_their_time(*, count: int, seconds_ahead: float = 0.01, **headers: Any) -> None:
    """So many grants of one merchant whose time comes at once."""
    merchant_id = opened_account().merchant_id
    due_at = datetime.now(UTC) + timedelta(seconds=seconds_ahead)
    for _ in range(count):
        later = grant(merchant_id=merchant_id)
        message = task_message(later, **headers)
        post([request(later, message=lambda message=message: message, due_at=due_at)])  # type: ignore[misc]
    time.sleep(2 * seconds_ahead)


def test_a_sweep_goes_on_behind_what_has_expired(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sweeps.BATCH", 2)
    wait_for_their_time(count=1, expires="2026-01-01T00:00:00Z")
    wait_for_their_time(count=3)

    sweep_due()

    assert ParkedMessage.objects.get().reason == "expired"
    assert not WaitingCommand.objects.exists()


def test_a_sweep_that_posts_ends_where_the_broker_confirms_nothing(own_database: str, sent: list[int]) -> None:
    wait_for_their_time(count=5)

    sweep_due()

    assert sent == [2]
    assert WaitingCommand.objects.count() == 3


def test_a_sweep_that_tells_of_what_is_due_ends_where_the_broker_confirms_nothing(
    own_database: str, sent: list[int], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXPIRING_SOON = timedelta(days=1)
    expires_at = datetime.now(UTC) + timedelta(days=2)
    for _ in range(5):
        post(requests(grant(merchant_id=opened_account().merchant_id, expires_at=expires_at)))
    monkeypatch.setattr(type(dialect.current()), "clock", lambda _: expires_at - timedelta(hours=1))

    told = sweep_due()

    assert (told, sent) == (2, [2])
    assert OutboxRow.objects.filter(event_type="evt.credits.expiring_soon.v1").count() == 2


def test_what_falls_due_on_accounts_is_told_though_what_waits_cannot_be_swept(
    own_database: str, sent: list[int], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXPIRING_SOON = timedelta(days=1)
    expires_at = datetime.now(UTC) + timedelta(days=2)
    post(requests(grant(merchant_id=opened_account().merchant_id, expires_at=expires_at)))
    monkeypatch.setattr(type(dialect.current()), "clock", lambda _: expires_at - timedelta(hours=1))
    monkeypatch.setattr("tasks.sweeps.has_any_come", lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        sweep_due()

    assert OutboxRow.objects.filter(event_type="evt.credits.expiring_soon.v1").count() == 1


def test_a_sweep_ends_where_the_broker_confirms_nothing_and_leaves_the_rest_to_the_next_one(
    own_database: str, sent: list[int]
) -> None:
    for _ in range(3):
        opened_account(credits_bought=5)
    OutboxBatch.objects.update(publish_after=datetime.now(UTC) - timedelta(hours=1))

    published = sweep_outbox()

    assert (published, sent) == (0, [2])
