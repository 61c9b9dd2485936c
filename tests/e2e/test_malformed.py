"""Malformed messages (contract, "A message that can't be carried out now, or ever"): parked whole, row by row."""

import base64
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.e2e.malformed import EVENT, FORGED, MALFORMED, MALFORMED_EVENTS, Malformed
from tests.e2e.producer import Producer, consumption, match, new_id
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = pytest.mark.servers


@dataclass(frozen=True)
class Sent:
    """A malformed message as it was sent."""

    case: Malformed
    token: str
    body: bytes
    headers: dict[str, Any]


def send(producer: Producer, case: Malformed, merchant: str) -> Sent:
    sent = filled_in(case, merchant)
    producer.publish(sent.body, queue="credits.consume", headers=sent.headers, **code_of(case))
    return sent


def filled_in(case: Malformed, merchant: str) -> Sent:
    """A task's message of this kind."""
    token = new_id()
    body = case.body.encode() if isinstance(case.body, str) else case.body
    body = body.replace(b"MERCHANT", merchant.encode()).replace(b"ID", token.encode())
    headers = {"lang": "js", "id": token, "root_id": token, "task": case.task, "token": token, **case.headers}
    return Sent(case, token, body, {name: value for name, value in headers.items() if name not in case.without})


def code_of(case: Malformed) -> dict[str, str]:
    return {"content_type": case.content_type, "content_encoding": case.content_encoding}


def test_every_malformed_message_is_parked_whole_and_its_neighbours_are_applied(
    producer: Producer, service: Service
) -> None:
    merchant = producer.merchant(credits=100)
    sent = {}
    cases = {name: case for name, case in MALFORMED.items() if producer.can_send(case.task)}
    for name, case in cases.items():
        sent[name] = send(producer, case, merchant)
        producer.send("credits.consume", consumption(merchant))

    assert_parked_whole(service, sent, queue="credits.consume")
    producer.settled(merchant, balance=100 - len(cases))


def test_every_malformed_event_is_parked_whole_and_its_neighbours_are_applied(
    producer: Producer, service: Service
) -> None:
    merchant, sent = producer.merchant(), {}
    for name, case in MALFORMED_EVENTS.items():
        message = filled_in(case, merchant)
        headers = {"token": message.token, **case.headers}
        producer.publish_event(message.body, routing_key=EVENT, headers=headers, **code_of(case))
        sent[name] = Sent(case, message.token, message.body, headers)
        producer.tell(EVENT, {"merchant_id": merchant, "credits": 1, "purchase_id": new_id()})

    assert_parked_whole(service, sent, queue="credits.inbound")
    producer.settled(merchant, balance=len(MALFORMED_EVENTS))


def assert_parked_whole(service: Service, sent: dict[str, Sent], *, queue: str) -> None:
    """Each message is parked once, as it came, for its reason."""
    left = dict(sent)

    def none_is_left() -> bool:
        for name in [name for name, message in left.items() if service.books.parked(message.token)]:
            del left[name]
        return not left

    with suppress(AssertionError):
        eventually(none_is_left)
    assert list(left) == []
    for name, message in sent.items():
        (parked,) = service.books.parked(message.token)
        assert (name, parked["reason"], parked["field"]) == (name, message.case.reason, message.case.field)
        assert (name, parked["queue"], parked["state"], parked["count"]) == (name, queue, "parked", 1)
        assert json.loads(parked["headers"]).items() >= as_stored(message.headers).items()
        assert (name, body_of(parked)) == (name, message.body)
        assert json.loads(parked["properties"]).items() >= code_of(message.case).items()


def as_stored(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers as they come out of JSON, which knows no bytes."""
    stored: dict[str, Any] = json.loads(json.dumps(headers, default=str))
    return stored


def test_a_right_command_with_forged_headers_is_applied_once(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=100)
    for headers in FORGED.values():
        body, usual = producer.task_message("credits.consume", consumption(merchant))
        producer.publish(body, queue="credits.consume", headers={**usual, **headers})

    producer.settled(merchant, balance=100 - len(FORGED))
    assert service.books.parked(merchant) == []


def test_every_malformed_message_of_which_the_result_is_asked_for_is_parked_whole_too(
    producer: Producer, service: Service
) -> None:
    merchant = producer.merchant(credits=100)
    sent = {}
    cases = {name: case for name, case in MALFORMED.items() if producer.can_send(case.task)}
    for name, case in cases.items():
        sent[name] = send(producer, replace(case, headers={**case.headers, "ignore_result": False}), merchant)

    assert_parked_whole(service, sent, queue="credits.consume")
    producer.send("credits.consume", consumption(merchant))
    producer.settled(merchant, balance=99)


WATCHED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "callbacks that are a text": ({"callbacks": "tell me"}, {}),
    "a chain that is a number": ({"chain": 7}, {}),
    "a chord that is a list": ({"chord": ["x"]}, {}),
    "an errback that is no signature": ({"errbacks": [{"task": ["x"]}]}, {}),
    "a result asked for, and limits of time that are none": ({}, {"ignore_result": False, "timelimit": "long"}),
    "a result asked for, and a reply to a list": ({}, {"ignore_result": False, "reply_to": ["x"]}),
    "what Celery knows by itself": ({"delivery_info": "x"}, {"ignore_result": False}),
    "what we hand to a task": ({"whole": 1, "refusal": None, "handed": {}}, {"ignore_result": False}),
    "a header by the name of what Celery calls": ({}, {"ignore_result": False, "get": "x", "update": "x"}),
    "ids and groups that are none": ({}, {"ignore_result": False, "parent_id": 5, "group": ["x"], "retries": "x"}),
    "a chord, and a group that is none": (
        {"chord": {"task": "credits.consume", "immutable": True}},
        {"group": {"a": 1}},
    ),
}


def test_what_is_wrong_with_a_messages_watchers_ends_no_worker_and_loses_no_command(
    producer: Producer, service: Service
) -> None:
    merchant = producer.merchant(credits=100)
    sent = []
    for embed, headers in WATCHED.values():
        fields = consumption(merchant)
        _, usual = producer.task_message("credits.consume", fields)
        body = json.dumps([[], fields, embed])
        producer.publish(body, queue="credits.consume", headers={**usual, **headers})
        sent.append(fields["reference_id"])

    def is_done(reference: str) -> bool:
        applied = [row for row in service.books.transactions(merchant) if row["reference_id"] == reference]
        return len(applied) == 1 or len(service.books.parked(reference)) == 1

    eventually(lambda: all(is_done(reference) for reference in sent))
    producer.send("credits.consume", last := consumption(merchant))
    eventually(lambda: is_done(last["reference_id"]))


def test_nothing_beside_the_links_has_what_is_expired_applied(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    _, headers = producer.task_message(
        "credits.consume", fields := consumption(merchant), expires="2026-01-31T12:00:00+00:00", ignore_result=False
    )

    producer.publish(json.dumps([[], fields, {"refusal": None}]), queue="credits.consume", headers=headers)

    (parked,) = eventually(lambda: service.books.parked(headers["id"]))
    assert (parked["reason"], service.books.balance(merchant)) == ("expired", 10)


@pytest.mark.parametrize("asks", [False, True], ids=["plain", "asking"])
def test_a_field_of_any_name_is_refused_by_it(producer: Producer, service: Service, asks: bool) -> None:
    fields = {**consumption(new_id()), "self": 1}
    body, headers = producer.task_message("credits.consume", fields, ignore_result=not asks)

    producer.publish(body, queue="credits.consume", headers=headers)

    (parked,) = eventually(lambda: service.books.parked(headers["id"]))
    assert (parked["reason"], parked["field"]) == ("invalid_field", "self")


def test_of_a_key_that_stands_twice_the_last_one_counts(producer: Producer) -> None:
    merchant = producer.merchant(credits=10)
    body, headers = producer.task_message("credits.consume", consumption(merchant))

    producer.publish(body.replace('"amount"', '"amount": 9, "amount"'), queue="credits.consume", headers=headers)

    producer.settled(merchant, balance=9)


@pytest.mark.parametrize("queue", ["credits.notifications", "credits.sweeps"])
def test_what_is_malformed_is_parked_from_the_services_own_queues_too(
    producer: Producer, service: Service, queue: str
) -> None:
    task = {"credits.notifications": "credits.notify_low_balance", "credits.sweeps": "credits.sweep_outbox"}[queue]
    bodies = {new_id(): body for body in ("{not json", "[[], {}]", "[[], [], {}]", '{"a": 1}', "null")}
    for token, body in bodies.items():
        producer.publish(body, queue=queue, headers={"task": task, "id": token, "root_id": token})
    late = new_id()
    producer.publish(
        "[[], {}, {}]", queue=queue, headers={"task": task, "id": late, "eta": "9999-12-31T23:59:59-14:00"}
    )

    for token in (*bodies, late):
        (parked,) = eventually(lambda token=token: service.books.parked(token))
        assert (parked["queue"], parked["count"]) == (queue, 1)


def body_of(parked: dict[str, Any]) -> bytes:
    """The body that a parked message keeps."""
    return base64.b64decode(parked["body"]) if parked["body_encoding"] == "base64" else parked["body"].encode()


@pytest.mark.parametrize("name", ["not JSON", "an unknown task", "a missing field", "a broken eta"])
def test_a_repeat_of_one_message_raises_its_count(producer: Producer, service: Service, name: str) -> None:
    merchant, case = producer.merchant(), MALFORMED[name]
    first = send(producer, case, merchant)

    for _ in range(2):
        producer.publish(first.body, queue="credits.consume", headers=first.headers, **code_of(case))

    eventually(lambda: [row["count"] for row in service.books.parked(first.token)] == [3])


def test_protocol_1_is_parked(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=5)
    id_ = new_id()
    old = {"task": "credits.consume", "id": id_, "args": [], "kwargs": consumption(merchant)}

    producer.publish(json.dumps(old), queue="credits.consume")

    (parked,) = eventually(lambda: service.books.parked(id_))
    assert (parked["reason"], parked["field"]) == ("not_a_task", "task")
    assert service.books.balance(merchant) == 5


@pytest.mark.parametrize("name", ["x-credits-producer", "x-credits-untold"])
def test_a_header_of_our_own_that_nobody_can_read_changes_nothing(
    producer: Producer, service: Service, name: str
) -> None:
    merchant = producer.merchant(credits=5)
    body, headers = producer.task_message("credits.consume", consumption(merchant), **{name: "\ud800:abc"})

    producer.publish(body, queue="credits.consume", headers=headers)

    producer.settled(merchant, balance=4)


def test_a_bad_envelope_parks_consume_many_whole(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=5)

    id_ = producer.send("credits.consume_many", {"items": [consumption(merchant)], "colour": "red"}).id

    (parked,) = eventually(lambda: service.books.parked(id_))
    assert (parked["name"], parked["field"]) == ("credits.consume_many", "colour")
    assert service.books.balance(merchant) == 5


def test_a_bad_item_is_parked_as_a_consumption_of_its_own(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=5)
    bad = consumption(merchant, amount=0)

    producer.send("credits.consume_many", {"items": [consumption(merchant), bad, consumption(merchant)]})

    producer.settled(merchant, balance=3)
    (parked,) = eventually(lambda: service.books.parked(bad["reference_id"]))
    assert (parked["name"], parked["field"], parked["queue"]) == ("credits.consume", "amount", "credits.consume")
    assert json.loads(parked["body"]) == [[], bad, {}]


def test_a_conflict_parks_the_plain_message_and_shows_what_holds_its_reference(
    producer: Producer, service: Service
) -> None:
    merchant, other = producer.merchant(credits=5), producer.merchant(credits=5)
    first = match(merchant)
    producer.send("credits.consume_match", first)
    producer.settled(merchant, balance=4)

    id_ = producer.send("credits.consume_match", {**first, "merchant_id": other}).id

    (parked,) = eventually(lambda: service.books.parked(id_))
    assert parked["reason"] == "idempotency_conflict"
    assert parked["conflicts_with_id"] == service.books.transactions(merchant)[-1]["id"]
    assert service.books.balance(other) == 5
