"""Corrections: what a worker would refuse is refused at once, and the original is kept beside what is sent instead."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.errors import Refused
from ledger.journal.parking import ToPark, park
from ledger.messages import Message
from ledger.models import OutboxRow, ParkedAct, ParkedMessage
from ledger.outcomes import ParkReason
from ledger.parking import correct, dismiss, replay
from tests.ledger.builders import consume, fresh

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ANNA = {"by": "anna", "reason": "as the shop says", "at": NOW}
HEADERS = {"task": "credits.consume", "id": "id-1"}
EVENT = "evt.billing.credits.purchased.v1"


def parked(body: bytes = b"{not json", *, name: str = "credits.consume", **parts: Any) -> ParkedMessage:
    """A message that is no JSON, from the consumptions' queue."""
    message = Message(
        "credits.consume",
        name,
        body,
        {**HEADERS, "id": fresh("id"), **parts.get("headers", {})},
        parts.get("props", {}),
    )
    park([ToPark(message=message, reason=ParkReason.NOT_JSON, field="body")])
    return ParkedMessage.objects.get(fingerprint=message.fingerprint)


def kwargs(**fields: Any) -> dict[str, Any]:
    """What credits.consume takes."""
    return {**json.loads(consume().model_dump_json(exclude_unset=True)), **fields}


def body(**fields: Any) -> str:
    """A task's body that is right."""
    return json.dumps([[], kwargs(**fields), {}])


def sent() -> Message:
    """What the newest replay has sent."""
    return Message.from_text(OutboxRow.objects.order_by("-id")[0].body)


def test_a_replay_sends_the_correction_and_the_original_stays():
    row = parked(b"\xff\xfe", props={"content_type": "application/x-pickle", "reply_to": "somewhere"})
    corrected = body(reference_id="report-1")

    correct(row.pk, body=corrected, **ANNA)
    replay([row.pk], by="bert", at=NOW)

    message = sent()
    assert (message.body, message.queue, message.headers["id"]) == (
        corrected.encode(),
        row.queue,
        json.loads(row.headers)["id"],
    )
    assert message.properties == {
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "reply_to": "somewhere",
    }
    kept = ParkedMessage.objects.get()
    assert (kept.body, kept.body_encoding, kept.headers) == (row.body, "base64", row.headers)


def test_a_correction_says_who_and_why_and_when():
    row = parked()

    correct(row.pk, body=body(), **ANNA)

    act = ParkedAct.objects.get()
    assert (act.what, act.actor, act.reason, act.acted_at) == ("corrected", "anna", "as the shop says", NOW)


def test_nobody_corrects_anything():
    row = parked()

    with pytest.raises(Refused, match="by: must name somebody"):
        correct(row.pk, body=body(), **{**ANNA, "by": " "})

    assert not ParkedAct.objects.exists()


def test_of_several_corrections_the_newest_is_sent_and_each_is_kept():
    row = parked()
    for amount in (1, 2, 3):
        correct(row.pk, body=body(amount=amount), **ANNA)

    replay([row.pk], by="anna", at=NOW)

    assert json.loads(sent().body)[1]["amount"] == 3
    assert ParkedAct.objects.filter(what="corrected").count() == 3


def test_headers_are_corrected_too_and_name_the_task_that_is_sent():
    row = parked(name="credits.consumer", headers={"task": "credits.consumer", "compression": "zlib"})

    correct(row.pk, body=body(), headers=json.dumps({**HEADERS, "task": "credits.consume"}), **ANNA)
    replay([row.pk], by="anna", at=NOW)

    assert (sent().name, sent().headers["task"]) == ("credits.consume", "credits.consume")
    assert "compression" not in sent().headers


def test_an_event_is_corrected_to_another_type():
    message = Message("credits.inbound", EVENT, b'{"event_type": "evt.sold"}', {}, {})
    park([ToPark(message=message, reason=ParkReason.INVALID_FIELD)])
    row = ParkedMessage.objects.get()
    data = {"merchant_id": kwargs()["merchant_id"], "credits": 5, "purchase_id": "order-1"}

    correct(row.pk, body=json.dumps({"event_type": EVENT, "data": data}), **ANNA)
    replay([row.pk], by="anna", at=NOW)

    assert (sent().name, sent().queue) == (EVENT, "credits.inbound")


def purchase_of(credits_bought: int) -> dict[str, Any]:
    """What a credits.purchase and its event take."""
    return {"merchant_id": kwargs()["merchant_id"], "credits": credits_bought, "purchase_id": fresh("order")}


def many(*items: Any) -> str:
    return json.dumps([[], {"items": list(items)}, {}])


MANY = json.dumps({**HEADERS, "task": "credits.consume_many"})
REFUSED: dict[str, tuple[str, str | None, str]] = {
    "not JSON": ("{", None, "body"),
    "NaN": (body().replace(": 10", ": NaN"), None, "body"),
    "a key twice": (body().replace('"amount"', '"amount": 1, "amount"'), None, "body"),
    "nested without end": ("[" * 100_000, None, "body"),
    "a lone surrogate": ('"\ud800"', None, "body"),
    "an integer without end": ("9" * 5_000, None, "body"),
    "a body of two": ("[[], {}]", None, "body"),
    "an embed that is no object": (json.dumps([[], kwargs(), [1]]), None, "body"),
    "an object for a task": ("{}", None, "body"),
    "positional arguments": (json.dumps([[1], {}, {}]), None, "args"),
    "kwargs that are no object": (json.dumps([[], [], {}]), None, "kwargs"),
    "a missing field": (json.dumps([[], {"amount": 1}, {}]), None, "merchant_id"),
    "an unknown field": (body(colour=1), None, "colour"),
    "a number as text": (body(amount="5"), None, "amount"),
    "NUL in a field": (body(reference_id="a\0"), None, "reference_id"),
    "an item of many": (many(kwargs(), kwargs(amount=0)), MANY, "items.1.amount"),
    "no items": (many(), MANY, "items"),
    "headers that are a list": (body(), "[]", "headers"),
    "headers that are no JSON": (body(), "{", "headers"),
    "a header too large for any broker": (body(), json.dumps({**HEADERS, "n": 2**63}), "headers"),
    "no task": (body(), json.dumps({"id": "x"}), "headers.task"),
    "an unknown task": (body(), json.dumps({**HEADERS, "task": "credits.take"}), "headers.task"),
    "a task that is a list": (body(), json.dumps({**HEADERS, "task": ["x"]}), "headers.task"),
    "no id": (body(), json.dumps({"task": "credits.consume"}), "headers.id"),
    "an id that is a number": (body(), json.dumps({**HEADERS, "id": 7}), "headers.id"),
    "an eta that is none": (body(), json.dumps({**HEADERS, "eta": "soon"}), "headers.eta"),
    "an eta after all times": (body(), json.dumps({**HEADERS, "eta": "9999-12-31T23:59:59Z"}), "headers.eta"),
    "an expiry that is a number": (body(), json.dumps({**HEADERS, "expires": 5}), "headers.expires"),
    "a correlation id with NUL": (body(), json.dumps({**HEADERS, "correlation_id": "a\0"}), "headers.correlation_id"),
    "an event": (json.dumps({"event_type": EVENT, "data": {}}), "{}", "headers.task"),
    "a link": (json.dumps([[], kwargs(), {"callbacks": [{"task": "credits.sweep"}]}]), None, "embed"),
}
REFUSED_EVENTS: dict[str, tuple[str, str]] = {
    "one that is not listened to": (json.dumps({"event_type": "evt.x", "data": {}}), "event_type"),
    "no data": (json.dumps({"event_type": EVENT}), "data"),
    "a wrong field": (json.dumps({"event_type": EVENT, "data": {"credits": 1}}), "data.merchant_id"),
    "a task's body": (body(), "body"),
    "no object": ("5", "body"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_a_worker_would_refuse_is_refused_at_once_with_its_field(wrong):
    text, headers, field = REFUSED[wrong]
    row = parked()

    with pytest.raises(Refused) as refused:
        correct(row.pk, body=text, headers=headers, **ANNA)

    assert refused.value.field == field
    assert not ParkedAct.objects.exists()


@pytest.mark.parametrize("wrong", REFUSED_EVENTS)
def test_an_event_that_a_worker_would_refuse_is_refused_at_once_with_its_field(wrong):
    text, field = REFUSED_EVENTS[wrong]
    park([ToPark(message=Message("credits.inbound", EVENT, b"{not json", {}, {}), reason=ParkReason.NOT_JSON)])

    with pytest.raises(Refused) as refused:
        correct(ParkedMessage.objects.get().pk, body=text, headers="{}", **ANNA)

    assert refused.value.field == field


def test_a_task_on_a_queue_of_events_is_refused_by_its_header_too():
    park([ToPark(message=Message("credits.inbound", EVENT, b"{not json", {}, {}), reason=ParkReason.NOT_JSON)])
    event = json.dumps({"event_type": EVENT, "data": {**purchase_of(5)}})

    with pytest.raises(Refused, match="plain events"):
        correct(ParkedMessage.objects.get().pk, body=event, headers=json.dumps(HEADERS), **ANNA)


ASKED = kwargs(reference_id="report-1", amount="5")  # all but the amount can be read
OTHER = kwargs(reference_id="report-1", amount=5)["merchant_id"].replace("0", "1").replace("a", "b")
CHANGED: dict[str, tuple[str, str | None, str]] = {
    "the merchant": (json.dumps([[], {**ASKED, "amount": 5, "merchant_id": OTHER}, {}]), None, "merchant_id"),
    "the reference": (json.dumps([[], {**ASKED, "amount": 5, "reference_id": "report-2"}, {}]), None, "reference_id"),
    "the task": (
        json.dumps([[], {**ASKED, "amount": 10**12}, {}]),
        json.dumps({**HEADERS, "task": "credits.grant"}),
        "headers.task",
    ),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_correction_keeps_what_the_original_says_of_task_merchant_and_reference(what):
    text, headers, field = CHANGED[what]
    row = parked(json.dumps([[], ASKED, {}]).encode())

    with pytest.raises(Refused) as refused:
        correct(row.pk, body=text, headers=headers, **ANNA)

    assert refused.value.field == field
    assert correct(row.pk, body=json.dumps([[], {**ASKED, "amount": 5}, {}]), **ANNA)


def test_what_the_original_says_stays_after_an_earlier_correction_and_what_it_does_not_say_is_free():
    row = parked(json.dumps([[], {**ASKED, "merchant_id": "shop 7"}, {}]).encode())
    correct(row.pk, body=json.dumps([[], {**ASKED, "amount": 5}, {}]), **ANNA)

    assert correct(row.pk, body=json.dumps([[], {**ASKED, "amount": 5, "merchant_id": OTHER}, {}]), **ANNA)
    with pytest.raises(Refused, match="reference"):
        correct(row.pk, body=json.dumps([[], {**ASKED, "amount": 5, "reference_id": "report-2"}, {}]), **ANNA)


def test_of_many_items_some_may_be_left_out_but_none_added_or_given_to_another():
    items = [kwargs(reference_id=f"report-{number}", merchant_id=ASKED["merchant_id"]) for number in range(3)]
    original = json.dumps([[], {"items": items, "colour": 1}, {}]).encode()
    row = parked(original, name="credits.consume_many", headers={"task": "credits.consume_many"})

    for wrong in ([*items, items[0]], [{**items[0], "merchant_id": OTHER}], [{**items[0], "reference_id": "report-9"}]):
        with pytest.raises(Refused):
            correct(row.pk, body=many(*wrong), **ANNA)

    assert correct(row.pk, body=many(items[2], items[0]), **ANNA)


def test_a_correction_keeps_the_originals_links_or_leaves_them_out():
    links = {"callbacks": [{"task": "credits.consume", "immutable": True}], "errbacks": None}
    with_links, without = (json.dumps([[], {**ASKED, "amount": 5}, embed]) for embed in (links, None))
    row = parked(json.dumps([[], ASKED, links]).encode())

    assert correct(row.pk, body=with_links, **ANNA)
    assert correct(row.pk, body=without, **ANNA)


def test_a_time_of_a_link_may_be_as_kombu_writes_one():
    eta = {"__type__": "datetime", "__value__": "2026-12-01T12:00:00+00:00"}
    links = {"callbacks": [{"task": "credits.consume", "immutable": True, "options": {"eta": eta}}]}
    row = parked(json.dumps([[], ASKED, links]).encode())

    assert correct(row.pk, body=json.dumps([[], {**ASKED, "amount": 5}, links]), **ANNA)


def test_a_correction_leaves_links_out_that_a_worker_would_refuse():
    links = {"callbacks": [{"task": "shop.done", "immutable": True}]}
    with_links, without = (json.dumps([[], {**ASKED, "amount": 5}, embed]) for embed in (links, None))
    row = parked(json.dumps([[], ASKED, links]).encode())

    with pytest.raises(Refused, match="embed"):
        correct(row.pk, body=with_links, **ANNA)
    assert correct(row.pk, body=without, **ANNA)


def test_a_corrected_message_is_no_longer_its_producers():
    row = parked(props={"user_id": "shop"}, headers={"x-credits-producer": "shop:signed"})
    correct(row.pk, body=body(), **ANNA)

    replay([row.pk], by="bert", at=NOW)

    assert (sent().producer, "x-credits-producer" in sent().headers) == ("", False)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001, "a\0b"])
def test_neither_a_correction_nor_a_dismissal_goes_without_a_reason_that_can_be_kept(reason):
    row = parked()

    with pytest.raises(Refused, match="reason"):
        correct(row.pk, body=body(), by="anna", reason=reason, at=NOW)
    with pytest.raises(Refused, match="reason"):
        dismiss([row.pk], by="anna", reason=reason, at=NOW)

    assert ParkedMessage.objects.get().state == "parked"


def test_what_is_sent_again_is_not_corrected_and_says_so():
    row = parked()
    replay([row.pk], by="anna", at=NOW)

    with pytest.raises(Refused, match="sent again, and its outcome is awaited"):
        correct(row.pk, body=body(), **ANNA)

    assert [act.what for act in ParkedAct.objects.all()] == ["replayed"]


def test_what_is_dismissed_is_not_corrected():
    row = parked()
    dismiss([row.pk], by="anna", reason="a test of theirs", at=NOW)

    with pytest.raises(Refused, match="parked and came from a queue"):
        correct(row.pk, body=body(), **ANNA)

    assert [act.what for act in ParkedAct.objects.all()] == ["dismissed"]


def test_a_request_of_our_own_has_no_message_to_correct():
    park([ToPark(message=None, reason=ParkReason.DEFECT)])

    with pytest.raises(Refused, match="queue"):
        correct(ParkedMessage.objects.get().pk, body=body(), **ANNA)
