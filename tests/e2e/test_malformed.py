"""Malformed messages (contract, "A message that can't be carried out now, or ever"): parked whole, row by row."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.producer import Producer, consumption, match, new_id
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = pytest.mark.servers


@dataclass(frozen=True)
class Malformed:
    """One message, and how it is expected to be parked. In texts MERCHANT and ID stand for what a test fills in."""

    reason: str
    field: str
    body: str | bytes = '[[], {"merchant_id": "MERCHANT"}, {}]'
    task: Any = "credits.consume"
    headers: dict[str, Any] = field(default_factory=dict)
    content_type: str = "application/json"
    without: tuple[str, ...] = ()


RIGHT = '[[], {"merchant_id": "MERCHANT", "amount": 1, "reference_type": "export", "reference_id": "ID"}, {}]'
MALFORMED = {
    "not JSON": Malformed("not_json", "body", body="{not json ID"),
    "not text": Malformed("not_json", "body", body=b"\xff\xfe\x00ID"),
    "pickle": Malformed("not_json", "body", body=b"\x80\x04ID", content_type="application/x-python-serialize"),
    "yaml": Malformed("not_json", "body", body="- [ID]\n", content_type="application/x-yaml"),
    "no task header": Malformed("not_a_task", "task", body=RIGHT, without=("task",)),
    "a body of two": Malformed("not_a_task", "body", body="[[], {}]"),
    "a body that is an object": Malformed("not_a_task", "body", body='{"amount": 1}'),
    "a body that is null": Malformed("not_a_task", "body", body="null"),
    "kwargs no mapping": Malformed("not_a_task", "kwargs", body='[[], ["amount", 1], {}]'),
    "kwargs null": Malformed("not_a_task", "kwargs", body="[[], null, {}]"),
    "embed no mapping": Malformed("not_a_task", "body", body="[[], {}, [1]]"),
    "no id": Malformed("not_a_task", "id", body=RIGHT, without=("id",)),
    "an id that is a number": Malformed("not_a_task", "id", body=RIGHT, headers={"id": 7}),
    "an unhashable task": Malformed("not_a_task", "", body=RIGHT, task=["credits.consume"]),
    "an unknown task": Malformed("unknown_task", "task", body=RIGHT, task="credits.consume_everything"),
    "positional arguments": Malformed("positional_arguments", "args", body='[["MERCHANT", 1], {}, {}]'),
    "a missing field": Malformed("invalid_field", "reference_type"),
    "an unknown field": Malformed("invalid_field", "colour", body=RIGHT.replace('"amount"', '"colour": 1, "amount"')),
    "a number as text": Malformed("invalid_field", "amount", body=RIGHT.replace(": 1", ': "1"')),
    "a boolean amount": Malformed("invalid_field", "amount", body=RIGHT.replace(": 1", ": true")),
    "NUL in a field": Malformed("invalid_field", "reference_id", body=RIGHT.replace("ID", r"ID\u0000")),
    "a lone surrogate": Malformed("invalid_field", "reference_id", body=RIGHT.replace("ID", r"ID\ud800")),
    "a broken eta": Malformed("invalid_field", "eta", body=RIGHT, headers={"eta": "soon"}),
    "an eta that is a number": Malformed("invalid_field", "eta", body=RIGHT, headers={"eta": 5}),
    "a broken expires": Malformed("invalid_field", "expires", body=RIGHT, headers={"expires": "never"}),
    "a correlation id with NUL": Malformed(
        "invalid_field", "correlation_id", body=RIGHT, headers={"correlation_id": "a\u0001b"}
    ),
    "a correlation id too long": Malformed(
        "invalid_field", "correlation_id", body=RIGHT, headers={"correlation_id": "c" * 256}
    ),
}


@dataclass(frozen=True)
class Sent:
    """A malformed message as it was sent."""

    case: Malformed
    token: str
    body: bytes
    headers: dict[str, Any]


def send(producer: Producer, case: Malformed, merchant: str) -> Sent:
    token = new_id()
    body = case.body.encode() if isinstance(case.body, str) else case.body
    body = body.replace(b"MERCHANT", merchant.encode()).replace(b"ID", token.encode())
    headers = {"lang": "js", "id": token, "root_id": token, "task": case.task, "token": token, **case.headers}
    headers = {name: value for name, value in headers.items() if name not in case.without}
    producer.publish(body, queue="credits.consume", headers=headers, content_type=case.content_type)
    return Sent(case, token, body, headers)


def test_every_malformed_message_is_parked_whole_and_its_neighbours_are_applied(
    producer: Producer, service: Service
) -> None:
    merchant = producer.merchant(credits=100)
    sent = {}
    for name, case in MALFORMED.items():
        sent[name] = send(producer, case, merchant)
        producer.send("credits.consume", consumption(merchant))

    producer.settled(merchant, balance=100 - len(MALFORMED))
    eventually(lambda: all(service.books.parked(message.token) for message in sent.values()))
    for name, message in sent.items():
        (parked,) = service.books.parked(message.token)
        assert (name, parked["reason"], parked["field"]) == (name, message.case.reason, message.case.field)
        assert (name, parked["queue"], parked["state"], parked["count"]) == (name, "credits.consume", "parked", 1)
        assert json.loads(parked["headers"]).items() >= message.headers.items()
        assert body_of(parked) == message.body
        assert json.loads(parked["properties"])["content_type"] == message.case.content_type


def body_of(parked: dict[str, Any]) -> bytes:
    """The body that a parked message keeps."""
    return base64.b64decode(parked["body"]) if parked["body_encoding"] == "base64" else parked["body"].encode()


@pytest.mark.parametrize("name", ["not JSON", "an unknown task", "a missing field", "a broken eta"])
def test_a_repeat_of_one_message_raises_its_count(producer: Producer, service: Service, name: str) -> None:
    merchant, case = producer.merchant(), MALFORMED[name]
    first = send(producer, case, merchant)

    for _ in range(2):
        producer.publish(first.body, queue="credits.consume", headers=first.headers, content_type=case.content_type)

    eventually(lambda: [row["count"] for row in service.books.parked(first.token)] == [3])


def test_protocol_1_is_parked(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=5)
    id_ = new_id()
    old = {"task": "credits.consume", "id": id_, "args": [], "kwargs": consumption(merchant)}

    producer.publish(json.dumps(old), queue="credits.consume")

    (parked,) = eventually(lambda: service.books.parked(id_))
    assert (parked["reason"], parked["field"]) == ("not_a_task", "body")
    assert service.books.balance(merchant) == 5


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
