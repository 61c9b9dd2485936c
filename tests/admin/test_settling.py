"""Settling: a parked message is replayed or dismissed once, and nothing of it is lost on the way."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier

import pytest
from django.db import connection, connections

from ledger.errors import Refused
from ledger.journal.parking import ToPark, park
from ledger.messages import REPLAY_OF, Message
from ledger.models import OutboxRow, ParkedAct, ParkedMessage, ReplayOutcome
from ledger.outcomes import ParkReason
from ledger.parking import AT_ONCE, MEANINGS, correct, replay
from ledger.parking import dismiss as dismiss_saying_why
from tests.admin.books import park_one, task_message
from tests.ledger.builders import consume, opened_account
from tests.ledger.replaying import carry_out, replayed

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
dismiss = partial(dismiss_saying_why, reason="sent by mistake")
CORRECTED = [[], json.loads(consume().model_dump_json(exclude_unset=True)), {}]
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
    assert Message.from_text(row.body).without(REPLAY_OF) == message
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

    assert {name for name in message.headers if name.startswith("x-")} == {"x-own", REPLAY_OF}
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


@pytest.mark.servers
def test_of_a_correction_and_a_replay_at_once_the_replay_sends_what_was_corrected_before_it_or_nothing_is(own_database):
    rows = [park_one(message=task_message(kwargs={"number": number})).pk for number in range(30)]
    together = Barrier(2)

    def correcting():
        return [row for row in rows if stored_by(row)]

    def stored_by(row):
        try:
            return correct(row, body=json.dumps(CORRECTED), by="anna", reason="as the shop says", at=NOW)
        except Refused:
            return None

    def replaying():
        return [id_ for row in rows for id_ in replay([row], by="bert", at=NOW)]

    corrected, sent = at_once(together, correcting, replaying)

    bodies = [json.loads(row.body["body"]) for row in OutboxRow.objects.all()]
    assert sent == rows
    assert sum(body == CORRECTED for body in bodies) == len(corrected)
    assert len(bodies) == len(rows)
    for row in corrected:
        assert list(ParkedAct.objects.filter(parked=row).order_by("id").values_list("what", flat=True)) == [
            "corrected",
            "replayed",
        ]


@pytest.mark.servers
def test_of_a_dismissal_and_a_replay_at_once_one_comes_to_pass(own_database):
    rows = [park_one(body={"number": number}).pk for number in range(30)]
    together = Barrier(2)

    dismissed, sent = at_once(
        together,
        lambda: [id_ for row in rows for id_ in dismiss([row], by="anna", at=NOW)],
        lambda: [id_ for row in rows[::-1] for id_ in replay([row], by="bert", at=NOW)],
    )

    assert sorted(dismissed + sent) == rows
    assert OutboxRow.objects.count() == len(sent)
    assert ParkedAct.objects.count() == len(rows)


@pytest.mark.servers
def test_copies_of_a_replay_that_workers_post_at_once_are_one_outcome(own_database):
    account = opened_account(credits_bought=500)
    command = consume(merchant_id=account.merchant_id, amount=1)
    parked, message = replayed(command)
    workers = 6
    together = Barrier(workers)

    at_once(together, *[lambda: carry_out(message)] * workers)

    assert list(ReplayOutcome.objects.values_list("status", "repeated")) == [("posted", False)]
    account.refresh_from_db()
    assert account.balance == 499
    parked.refresh_from_db()
    assert parked.state == "replayed"


def at_once(together, *calls):
    """What calls return that start together, each in a thread with a connection of its own."""

    def run(call):
        together.wait()
        try:
            return call()
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
