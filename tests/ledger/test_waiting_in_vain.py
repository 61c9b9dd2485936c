"""Waiting in vain: what expires or is revoked while it waits in the database is parked, and never applied."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ledger.journal import post
from ledger.journal.keeping import Kept, keep
from ledger.journal.redaction import redact_shopper
from ledger.journal.surely import post_surely
from ledger.journal.sweep import park_outlived, post_due, send_due_again
from ledger.messages import Message
from ledger.models import OutboxRow, ParkedMessage, Transaction, WaitingCommand
from tests.ledger.builders import consume, grant, open_account, opened_account, request
from tests.ledger.stored import SHOPPER, tables_naming, task_message, waiting_of

pytestmark = pytest.mark.django_db

SOON = timedelta(minutes=10)
HOUR = timedelta(hours=1)


def never(_: float) -> bool:
    raise AssertionError("there was no trouble to wait for")


def brought(command, *, due_at=None, **headers):
    """A command that a message with these headers has brought."""
    message = task_message(command, **headers)
    return request(command, message=lambda: message, due_at=due_at)


def in_time() -> str:
    return (datetime.now(UTC) + SOON).isoformat()


def time_passes() -> None:
    """As if what waits had come an hour earlier, with all of its times."""
    for row in WaitingCommand.objects.all():
        headers = json.loads(row.message["headers"])
        if "expires" in headers:
            headers["expires"] = (datetime.fromisoformat(headers["expires"]) - HOUR).isoformat()
        row.message["headers"] = json.dumps(headers)
        row.arrived_at, row.due_at = row.arrived_at - HOUR, row.due_at - HOUR
        row.save()


def parked() -> list[tuple[str, str]]:
    return list(ParkedMessage.objects.values_list("reason", "name"))


def test_what_another_has_parked_or_posted_meanwhile_is_left_alone(monkeypatch):
    account = opened_account(credits_bought=5)
    eta = datetime.now(UTC) + SOON
    post([brought(consume(merchant_id=account.merchant_id, amount=1), due_at=eta) for _ in range(2)])
    time_passes()
    first = WaitingCommand.objects.earliest("id")

    def meanwhile(batch, *, pause):
        first.delete()
        return post_surely(batch, pause=pause)

    monkeypatch.setattr("ledger.journal.sweep.post_surely", meanwhile)

    assert len(post_due(limit=10, pause=never).outcomes) == 1
    assert Transaction.objects.filter(operation="debit").count() == 1
    assert not WaitingCommand.objects.exists()


def test_what_is_parked_of_a_row_is_what_it_says_then(monkeypatch):
    waiting_of()
    WaitingCommand.objects.update(due_at=datetime.now(UTC) - SOON)

    def guilty(*_, **__):
        redact_shopper(SHOPPER, actor="anna", reason="asked for by the data protection officer")
        raise ValueError("a defect")

    monkeypatch.setattr("ledger.journal.surely.post_batch", guilty)

    assert [outcome.status for outcome in post_due(limit=10, pause=never).outcomes] == ["parked"]
    assert tables_naming(SHOPPER) == set()


def test_a_sweep_posts_what_a_row_says_as_it_posts_it_and_not_what_it_said_before(monkeypatch):
    waiting_of()
    WaitingCommand.objects.update(due_at=datetime.now(UTC) - SOON)

    def meanwhile(batch, *, pause):
        redact_shopper(SHOPPER, actor="anna", reason="asked for by the data protection officer")
        return post_surely(batch, pause=pause)

    monkeypatch.setattr("ledger.journal.sweep.post_surely", meanwhile)

    assert len(post_due(limit=10, pause=never).outcomes) == 1
    assert tables_naming(SHOPPER) == set()


@pytest.mark.parametrize(
    "moment", ["2026-01-31t12:00:00z", "2026-01-31", "2026-W05-6", "20260131T120000Z", "2026-01-31T12:00:00,5+01:00"]
)
def test_an_expiry_is_understood_in_each_form_in_which_the_door_takes_it(moment):
    account = opened_account(credits_bought=5)
    post([brought(consume(merchant_id=account.merchant_id), due_at=datetime.now(UTC) + SOON, expires=moment)])
    WaitingCommand.objects.update(due_at=datetime.now(UTC) - SOON)

    post_due(limit=10, pause=never)

    assert parked() == [("expired", "credits.consume")]


def test_what_expires_ahead_of_its_eta_is_parked_when_that_has_come():
    account = opened_account(credits_bought=5)
    eta = datetime.now(UTC) + 2 * SOON
    post([brought(consume(merchant_id=account.merchant_id), due_at=eta, expires=in_time())])
    time_passes()

    outcomes = post_due(limit=10, pause=never).outcomes

    assert [outcome.status for outcome in outcomes] == ["parked"]
    assert parked() == [("expired", "credits.consume")]
    assert "while it waited" in ParkedMessage.objects.get().detail
    account.refresh_from_db()
    assert account.balance == 5


def test_what_expires_ahead_of_its_account_is_parked_and_the_others_are_applied():
    opening = open_account()
    mine = {"merchant_id": opening.merchant_id}
    post([brought(grant(**mine, amount=7), expires=in_time()), brought(grant(**mine, amount=3))])
    time_passes()

    post([request(opening)])
    post_due(limit=10, pause=never)

    assert [row.amount for row in Transaction.objects.all()] == [3]
    assert parked() == [("expired", "credits.grant")]
    assert not WaitingCommand.objects.exists()


def test_what_expires_before_its_wait_is_over_is_said_to_have_expired():
    post([brought(grant(), expires=in_time())])
    WaitingCommand.objects.update(park_at=datetime.now(UTC))
    time_passes()

    assert park_outlived(limit=10) == 1

    assert (*parked(), ParkedMessage.objects.get().field) == (("expired", "credits.grant"), "expires")


def test_a_plain_event_has_no_expiry():
    opening = open_account()
    event = Message(queue="credits.inbound", name="evt.x", body=b"{}", headers={"expires": "2020-01-01T00:00:00Z"})
    post([request(grant(merchant_id=opening.merchant_id), message=lambda: event)])

    post([request(opening)])

    assert Transaction.objects.count() == 1


def test_what_has_not_expired_is_applied():
    opening = open_account()
    post([brought(grant(merchant_id=opening.merchant_id), expires=in_time())])

    post([request(opening)])

    assert Transaction.objects.count() == 1
    assert parked() == []


def test_a_kept_message_is_sent_with_its_expiry_by_which_the_worker_parks_it():
    expires = in_time()
    message = task_message(consume(), eta=datetime.now(UTC).isoformat(), expires=expires)
    keep([Kept(message=message, correlation_id="c", due_at=datetime.now(UTC))])

    assert send_due_again(limit=10) == 1

    assert Message.from_text(OutboxRow.objects.get().body).headers["expires"] == expires


@pytest.mark.parametrize("suffix", ["", ":7"])
def test_what_was_revoked_while_it_waited_is_parked_an_item_with_the_whole(suffix):
    account = opened_account(credits_bought=5)
    id_ = "0f0c-of-many"
    later = datetime.now(UTC) + SOON
    post([brought(consume(merchant_id=account.merchant_id), due_at=later, id=f"{id_}{suffix}")])
    time_passes()

    outcomes = post_due(limit=10, pause=never, revoked={id_}).outcomes

    assert [outcome.status for outcome in outcomes] == ["parked"]
    assert parked() == [("revoked", "credits.consume")]
    assert park_outlived(limit=10) == 0
