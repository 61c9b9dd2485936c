"""Settling: a parked message is replayed or dismissed once, and nothing of it is lost on the way."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection, connections

from ledger.journal.parking import ToPark, park
from ledger.messages import Message
from ledger.models import OutboxRow, ParkedMessage
from ledger.outcomes import ParkReason
from ledger.parking import AT_ONCE, MEANINGS, dismiss, replay
from tests.admin.books import park_one, task_message

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
PASSED, AHEAD = (NOW - timedelta(seconds=1)).isoformat(), (NOW + timedelta(seconds=1)).isoformat()


def sent_again(**parts):
    """The message as the outbox sends it, after parking and replaying one with these headers and properties."""
    replay([park_one(message=task_message(**parts)).pk], by="anna", at=NOW)
    return Message.from_text(OutboxRow.objects.get().body)


def state_of(parked):
    parked.refresh_from_db()
    return parked.state, parked.resolved_by, parked.resolved_at


@pytest.mark.django_db
def test_a_replay_hands_the_message_to_the_outbox_whole_for_the_queue_it_came_from():
    message = task_message(kwargs={"amount": "5"}, headers={"origin": "checkout"}, properties={"reply_to": "somewhere"})
    parked = park_one(message=message, correlation_id="corr-1")

    replayed = replay([parked.pk], by="anna", at=NOW)

    row = OutboxRow.objects.get()
    assert replayed == [parked.pk]
    assert (row.destination, row.name, row.correlation_id) == ("message", "credits.consume", "corr-1")
    assert Message.from_text(row.body) == message
    assert state_of(parked) == ("replayed", "anna", NOW)


@pytest.mark.django_db
def test_a_replay_of_bytes_that_are_no_text_sends_the_same_bytes():
    message = Message(queue="credits.consume", name="", body=b"\xff\x00\x01", headers={})
    parked = park_one(message=message)

    replay([parked.pk], by="anna", at=NOW)

    assert Message.from_text(OutboxRow.objects.get().body).body == b"\xff\x00\x01"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["eta", "expires"])
@pytest.mark.parametrize("moment", [PASSED, NOW.isoformat(), "2026-01-31T11:59:59", "2026-01-31T11:59:59Z"])
def test_a_replay_leaves_a_time_behind_that_has_passed(name, moment):
    assert name not in sent_again(headers={name: moment}).headers


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["eta", "expires"])
@pytest.mark.parametrize("moment", [AHEAD, "2026-01-31T12:00:01", "tomorrow", None, 17])
def test_a_replay_keeps_a_time_that_lies_ahead_and_what_is_no_time(name, moment):
    assert sent_again(headers={name: moment}).headers[name] == moment


@pytest.mark.django_db
def test_a_replay_leaves_behind_what_the_broker_noted_about_earlier_deliveries():
    notes = {"x-death": [{"count": 1}], "x-first-death-queue": "q", "x-last-death-reason": "r", "x-delivery-count": 21}
    message = sent_again(headers={**notes, "x-own": "kept"}, properties={"expiration": "1000", "delivery_mode": 2})

    assert {name for name in message.headers if name.startswith("x-")} == {"x-own"}
    assert message.properties == {"delivery_mode": 2}


@pytest.mark.django_db
def test_a_replayed_message_that_fails_again_is_the_same_parked_message():
    original = task_message(headers={"expires": PASSED})
    parked = park_one(message=original)
    replay([parked.pk], by="anna", at=NOW)

    again = park_one(message=Message.from_text(OutboxRow.objects.get().body))

    assert again == parked
    assert (again.state, again.count) == ("parked", 2)


@pytest.mark.django_db
def test_a_dismissed_message_is_not_sent():
    parked = park_one()

    dismissed = dismiss([parked.pk], by="anna", at=NOW)

    assert dismissed == [parked.pk]
    assert state_of(parked) == ("dismissed", "anna", NOW)
    assert not OutboxRow.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("first", [replay, dismiss])
@pytest.mark.parametrize("second", [replay, dismiss])
def test_what_is_settled_stays_as_it_was_settled(first, second):
    parked = park_one()
    first([parked.pk], by="anna", at=NOW)
    before = state_of(parked), OutboxRow.objects.count()

    settled = second([parked.pk], by="bert", at=NOW + timedelta(minutes=1))

    assert settled == []
    assert (state_of(parked), OutboxRow.objects.count()) == before


@pytest.mark.django_db
def test_only_those_that_are_named_are_settled():
    chosen, other = park_one(), park_one()

    settled = replay([chosen.pk, chosen.pk, 999_999], by="anna", at=NOW)

    assert settled == [chosen.pk]
    assert state_of(other)[0] == "parked"


@pytest.mark.django_db
def test_a_parked_request_of_our_own_has_no_queue_to_go_to_but_can_be_dismissed():
    park([ToPark(message=None, reason=ParkReason.DEFECT)])
    parked = ParkedMessage.objects.get()

    replayed = replay([parked.pk], by="anna", at=NOW)
    state = state_of(parked)[0]
    dismissed = dismiss([parked.pk], by="anna", at=NOW)

    assert (replayed, state, dismissed) == ([], "parked", [parked.pk])


@pytest.mark.django_db
@pytest.mark.parametrize("settle", [replay, dismiss])
def test_more_than_a_bound_are_not_settled_at_once(settle):
    with pytest.raises(ValueError, match=f"at most {AT_ONCE}"):
        settle(range(AT_ONCE + 1), by="anna", at=NOW)


@pytest.mark.django_db
def test_a_replay_that_can_not_be_recorded_leaves_the_message_parked(monkeypatch):
    parked = park_one()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE credit_outbox RENAME TO away")

    with pytest.raises(Exception, match="credit_outbox"):
        replay([parked.pk], by="anna", at=NOW)

    assert state_of(parked)[0] == "parked"


def test_every_reason_says_what_it_means():
    assert MEANINGS.keys() == set(ParkReason)


@pytest.mark.servers
@pytest.mark.parametrize("settle", [replay, dismiss])
def test_of_many_who_settle_at_once_each_message_is_settled_by_one(own_database, settle):
    people = 8
    parked = [park_one(body={"number": number}).pk for number in range(20)]
    together = Barrier(people)

    def press(person):
        together.wait()
        ids = parked if person % 2 else parked[::-1]
        try:
            return settle(ids, by=f"person-{person}", at=NOW)
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(people) as pool:
        settled = [id_ for ids in pool.map(press, range(people)) for id_ in ids]

    sent = OutboxRow.objects.values_list("body", flat=True)
    assert sorted(settled) == parked
    assert len({json.loads(body["headers"])["id"] for body in sent}) == len(sent) == (20 if settle is replay else 0)
