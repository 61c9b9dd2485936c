"""/metrics: what the processes have counted, what the books and the broker hold, and what is shown without them."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db.transaction import atomic
from prometheus_client.parser import text_string_to_metric_families

from api import metrics
from ledger.journal import post
from ledger.journal.sweep import park_outlived
from ledger.metrics import count_batch, count_parked, count_published, process_identifier
from ledger.models import OutboxRow, ParkedMessage, WaitingCommand
from ledger.outcomes import Outcome, ParkReason, Status
from tests.admin.books import conflict, park_one
from tests.api.shops import ask
from tests.ledger.builders import consume_match, fresh, grant, opened_account, purchase, request, requests

Figures = dict[tuple[str, ...], float]
PARKED = "credits_messages_parked_total"


def figures() -> Figures:
    """Every figure of the page, by its name and the values of its labels."""
    response = ask("/metrics")
    assert response.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def grown(*, before: Figures) -> Figures:
    """The counted figures that have changed, and by how much."""
    return {name: value - before.get(name, 0) for name, value in figures().items() if value != before.get(name, 0)}


@pytest.mark.django_db
def test_a_batch_is_counted_by_outcome_and_command() -> None:
    before = figures()
    posted, declined = Outcome(status=Status.POSTED), Outcome(status=Status.DECLINED)
    replayed = Outcome(status=Status.DECLINED, replayed=True)
    batch = requests(purchase(), consume_match(), consume_match(), consume_match(), consume_match())
    outcomes = [posted, posted, declined, replayed, posted]

    count_batch(list(zip(batch, outcomes, strict=True)), seconds=0.3)

    changes = grown(before=before)
    assert {name[1:]: count for name, count in changes.items() if name[0] == "credits_requests_total"} == {
        ("credits.purchase", "posted"): 1,
        ("credits.consume_match", "posted"): 2,
        ("credits.consume_match", "declined"): 1,
        ("credits.consume_match", "replayed"): 1,
    }
    assert changes["credits_batch_size_count",] == changes["credits_post_seconds_count",] == 1
    assert changes["credits_batch_size_sum",] == 5
    assert changes["credits_post_seconds_sum",] == pytest.approx(0.3)
    assert ("credits_batch_size_bucket", "2.0") not in changes
    assert changes["credits_batch_size_bucket", "5.0"] == 1


@pytest.mark.django_db
def test_what_was_published_is_counted_by_its_result() -> None:
    before = figures()

    count_published(confirmed=5, unrouted=2, failed=0)
    count_published(confirmed=1, unrouted=0, failed=3)

    assert grown(before=before) == {
        ("credits_events_published_total", "confirmed"): 6,
        ("credits_events_published_total", "unrouted"): 2,
        ("credits_events_published_total", "failed"): 3,
    }


@pytest.mark.django_db
def test_what_was_parked_is_counted_by_its_reason() -> None:
    before = figures()

    count_parked([ParkReason.NOT_JSON, ParkReason.EXPIRED, ParkReason.NOT_JSON])

    assert grown(before=before) == {
        (PARKED, "not_json"): 2,
        (PARKED, "expired"): 1,
    }


def test_what_is_parked_is_counted_once_it_is_committed_whoever_parks_it(own_database: str) -> None:
    before = figures()
    late = grant()

    conflict()
    post([request(late)])
    WaitingCommand.objects.update(park_at=datetime.now(UTC))
    park_outlived(limit=10)
    with suppress(RuntimeError), atomic():
        park_one()
        raise RuntimeError

    parked = {name[1]: count for name, count in grown(before=before).items() if name[0] == PARKED}
    assert parked == {"idempotency_conflict": 1, "no_account": 1}


@pytest.mark.django_db
def test_every_reason_to_park_is_shown_before_its_first_time() -> None:
    shown = figures()

    assert {(PARKED, str(reason)) for reason in ParkReason} <= shown.keys()


@pytest.mark.django_db
def test_what_is_still_to_be_done_is_counted_in_the_books() -> None:
    opened_account(credits_bought=5)
    OutboxRow.objects.update(created_at=datetime.now(UTC) - timedelta(seconds=300))
    wait()
    park(ParkedMessage.State.PARKED)
    park(ParkedMessage.State.PARKED)
    park(ParkedMessage.State.DISMISSED)

    shown = figures()

    assert shown["credits_waiting",] == 1
    assert shown["credits_parked", "parked"] == 2
    assert shown["credits_parked", "replayed"] == 0
    assert shown["credits_parked", "dismissed"] == 1
    assert shown["credits_outbox_unpublished",] == 1
    assert shown["credits_outbox_age_seconds",] == pytest.approx(300, abs=30)


@pytest.mark.django_db
def test_no_count_goes_beyond_its_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.queries.backlog.COUNTED_UP_TO", 2)
    for _ in range(4):
        wait()
        park(ParkedMessage.State.PARKED)

    shown = figures()

    assert (shown["credits_waiting",], shown["credits_parked", "parked"]) == (2, 2)


@pytest.mark.django_db
def test_queues_are_shown_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "queue_depths", lambda: {"credits.consume": 7})

    shown = figures()

    assert (shown["credits_broker_up",], shown["credits_queue_depth", "credits.consume"]) == (1, 7)


@pytest.mark.usefixtures("database_away")
def test_the_workers_figures_are_shown_without_database_and_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "queue_depths", lambda: None)

    shown = figures()

    assert (shown["credits_database_up",], shown["credits_broker_up",]) == (0, 0)
    assert ("credits_batch_size_count",) in shown
    assert ("credits_waiting",) not in shown


@pytest.mark.django_db
def test_a_file_that_a_process_is_just_making_is_no_hindrance() -> None:
    unfinished = Path(settings.METRICS_DIR) / "counter_another-host-1.db"
    unfinished.touch()

    shown = figures()

    unfinished.unlink()
    assert ("credits_batch_size_count",) in shown


def test_processes_of_several_hosts_never_share_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "host_of_a_container")

    identifier = process_identifier()

    assert identifier == f"host-of-a-container-{os.getpid()}"


def wait() -> None:
    """Store a waiting command."""
    now = datetime.now(UTC)
    WaitingCommand.objects.create(
        fingerprint=fresh("message"), task="credits.purchase", merchant_id=uuid4(), correlation_id="corr_0123456789ab",
        arrived_at=now, due_at=now, park_at=now,
    )  # fmt: skip


def park(state: ParkedMessage.State) -> None:
    """Store a parked message."""
    now = datetime.now(UTC)
    ParkedMessage.objects.create(
        fingerprint=fresh("message"), state=state, reason=ParkReason.NOT_JSON, queue="credits.grants", name="",
        headers="{}", properties="{}", body="", first_seen_at=now, last_seen_at=now,
    )  # fmt: skip
