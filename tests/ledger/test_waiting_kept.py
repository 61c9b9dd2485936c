"""Waiting: a message that somebody listens to is kept whole, and sent again without its eta when its time has come."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from ledger.journal.keeping import Kept, keep
from ledger.journal.sweep import park_outlived, post_due, send_due_again
from ledger.messages import Message
from ledger.models import OutboxRow, WaitingCommand

AHEAD = datetime(2126, 1, 31, 12, 0, tzinfo=UTC)


def message(number: int = 1) -> Message:
    return Message(
        queue="credits.grants",
        name="credits.grant",
        body=b'[[], {"merchant_id": "x"}, {"callbacks": []}]',
        headers={"id": f"m-{number}", "task": "credits.grant", "eta": AHEAD.isoformat(), "expires": AHEAD.isoformat()},
        properties={"reply_to": "results", "content_type": "application/json"},
    )


def kept(number: int = 1) -> Kept:
    return Kept(message=message(number), correlation_id=f"story-{number}", due_at=AHEAD)


@pytest.mark.django_db
def test_a_repeat_of_a_kept_message_is_kept_once():
    keep([kept(), kept()])
    keep([kept()])

    row = WaitingCommand.objects.get()
    assert (row.send_again, row.due_at, row.merchant_id) == (True, AHEAD, None)
    assert Message.from_text(row.message) == message()


@pytest.mark.django_db
def test_a_kept_message_is_neither_sent_posted_nor_parked_before_its_time():
    keep([kept()])

    assert send_due_again(limit=10) == 0
    assert park_outlived(limit=10) == 0
    assert not post_due(limit=10, pause=lambda _: False).outcomes
    assert WaitingCommand.objects.count() == 1
    assert not OutboxRow.objects.exists()


@pytest.mark.django_db
def test_when_its_time_has_come_it_is_handed_to_the_outbox_whole_but_for_its_eta():
    keep([kept()])
    WaitingCommand.objects.update(due_at=timezone.now(), park_at=timezone.now())

    assert park_outlived(limit=10) == 0
    assert not post_due(limit=10, pause=lambda _: False).outcomes
    assert send_due_again(limit=10) == 1
    assert send_due_again(limit=10) == 0

    assert not WaitingCommand.objects.exists()
    row = OutboxRow.objects.get()
    assert (row.destination, row.name, row.correlation_id) == ("message", "credits.grants", "story-1")
    assert row.batch.publish_after <= timezone.now()
    sent = Message.from_text(row.body)
    assert sent == message().without("eta")
    assert dict(sent.headers) == {"id": "m-1", "task": "credits.grant", "expires": AHEAD.isoformat()}


@pytest.mark.django_db
def test_so_many_are_sent_at_once_the_oldest_first():
    keep([kept(1), kept(2), kept(3)])
    WaitingCommand.objects.update(due_at=timezone.now())

    assert send_due_again(limit=2) == 2

    assert {row.correlation_id for row in OutboxRow.objects.all()} == {"story-1", "story-2"}
    assert WaitingCommand.objects.get().correlation_id == "story-3"
