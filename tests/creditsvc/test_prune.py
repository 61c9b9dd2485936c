"""`manage.py prune`: what is settled and old goes, whatever still waits for anybody stays."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from celery.backends.database import DatabaseBackend
from django.core.management import CommandError, call_command
from django.utils import timezone

from creditsvc.celery import app
from creditsvc.management.commands import prune
from ledger.journal import post
from ledger.journal.parking import ToPark, park
from ledger.models import OutboxBatch, OutboxRow, ParkedMessage, WaitingCommand
from ledger.outcomes import ParkReason
from ledger.parking import dismiss, replay
from tests.ledger.builders import consume, grant, opened_account, request, requests
from tests.ledger.outbox_rows import confirmed, each_apart
from tests.ledger.stored import task_message

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def run(what: str, *options: str, older_than: str = "30d") -> str:
    output = StringIO()
    call_command("prune", what, "--older-than", older_than, *options, stdout=output)
    return output.getvalue().strip()


def parked_messages(count: int) -> list[int]:
    park([ToPark(message=task_message(consume()), reason=ParkReason.NO_ACCOUNT) for _ in range(count)])
    return list(ParkedMessage.objects.order_by("id").values_list("id", flat=True))


def test_of_the_outbox_only_what_was_published_long_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "BATCH", 2)
    account = opened_account()
    post(requests(*(grant(merchant_id=account.merchant_id) for _ in range(7))))
    ids = list(OutboxRow.objects.order_by("id").values_list("id", flat=True))
    each_apart()
    confirmed(OutboxRow.objects.filter(id__in=ids[:6]))
    OutboxBatch.objects.filter(rows__in=ids[:5]).update(published_at=LONG_AGO)
    OutboxRow.objects.update(created_at=LONG_AGO)

    assert run("outbox", "--dry-run") == "5 would be deleted"
    assert OutboxRow.objects.count() == 7
    assert run("outbox") == "5 deleted"
    assert set(OutboxRow.objects.values_list("id", flat=True)) == set(ids[5:])
    assert OutboxBatch.objects.count() == 2


def test_of_what_was_parked_only_what_a_person_settled_long_ago_goes() -> None:
    waiting, replayed, dismissed, lately = parked_messages(4)
    replay([replayed], by="ann", at=LONG_AGO)
    dismiss([dismissed], by="ann", reason="sent by mistake", at=LONG_AGO)
    dismiss([lately], by="ann", reason="sent by mistake", at=timezone.now())
    ParkedMessage.objects.update(first_seen_at=LONG_AGO, last_seen_at=LONG_AGO)

    assert run("parked", "--dry-run") == "2 would be deleted"
    assert run("parked") == "2 deleted"
    assert set(ParkedMessage.objects.values_list("id", flat=True)) == {waiting, lately}


def test_what_waits_is_never_deleted_but_parked_where_its_wait_is_long_over() -> None:
    wanted = [consume() for _ in range(3)]
    post([request(one, message=lambda one=one: task_message(one)) for one in wanted])  # type: ignore[misc]
    first = WaitingCommand.objects.order_by("id")[0]
    WaitingCommand.objects.filter(id=first.id).update(park_at=LONG_AGO)

    assert run("waiting", "--dry-run") == "1 would be parked"
    assert run("waiting") == "1 parked"
    assert WaitingCommand.objects.count() == 2
    assert ParkedMessage.objects.get().reason == "no_account"


def test_results_in_a_database_go_and_elsewhere_expire_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = DatabaseBackend(f"sqlite:///{tmp_path}/results.sqlite3", app=app)
    monkeypatch.setattr(type(app), "backend", backend)
    for task_id in ("old", "new"):
        backend.store_result(task_id, {"status": "posted"}, "SUCCESS")
    with backend.ResultSession() as session, session.begin():
        session.query(backend.task_cls).filter_by(task_id="old").update({"date_done": datetime(2020, 1, 1)})  # noqa: DTZ001

    assert run("results", "--dry-run") == "1 would be deleted"
    assert run("results") == "1 deleted"
    assert backend.get_state("new") == "SUCCESS"
    assert backend.get_state("old") == "PENDING"
    backend.ResultSession().get_bind().dispose()


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "0d", "thirty days", "P", "30w", "1.5d"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(CommandError, match=r"--older-than: .* is no duration such as 30d"):
        call_command("prune", "outbox", f"--older-than={text}")


@pytest.mark.parametrize(("text", "minutes"), [("30d", 43_200), ("12h", 720), ("45m", 45), ("P1DT12H", 2160)])
def test_durations_are_read(text: str, minutes: int) -> None:
    assert prune.duration(text) == timedelta(minutes=minutes)
