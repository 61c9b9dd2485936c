"""Handing on: of a message that goes Celery's own way, Celery sees what was read of it, and nothing else."""

import json
from typing import Any
from uuid import uuid4

import pytest
from kombu.message import Message as BrokerMessage

from ledger.links import LINKS
from ledger.messages import Message
from ledger.models import ParkedMessage
from tasks.errors import Refusal
from tasks.handing import HANDED, HEADERS, Handed, handed_with, stored
from tasks.strategy import Envelope

FIELDS = {"merchant_id": str(uuid4()), "credits": 5, "purchase_id": "order-7"}
LINK = {"task": "credits.consume", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": True}
FORGED = {"task": "credits.notify_low_balance", "kwargs": {"envelope": {}}, "immutable": True}


def taken(*, args: Any = (), fields: Any = FIELDS, embed: Any = None, **headers: Any) -> BrokerMessage:
    """A purchase whose sender asks for its result, as it comes from the broker."""
    return BrokerMessage(
        body=json.dumps([list(args) if args == () else args, fields, embed or {}]),
        content_type="application/json",
        content_encoding="utf-8",
        headers={"task": "credits.purchase", "id": "id-1", "ignore_result": False, **headers},
        delivery_info={"routing_key": "credits.grants"},
        accept={"application/json"},
    )


def handed_on(message: BrokerMessage) -> Handed:
    """What Celery gets of a message, and with it the task."""
    envelope = Envelope(message, "credits.purchase", stores_results=True)
    assert envelope.read() is None
    envelope.hand_on(None)
    handed = handed_with(message)
    assert handed is not None
    return handed


@pytest.mark.parametrize("name", [*LINKS, "get", "delivery_info", "stamps", "stamped_headers", "timelimit", "whole"])
def test_celery_sees_no_header_that_it_would_take_for_something_of_its_own(name: str) -> None:
    message = taken(**{name: [FORGED]})

    handed = handed_on(message)

    assert message.headers.keys() <= {"task", "id", HANDED, *HEADERS}
    assert handed.whole.headers[name] == [FORGED]


@pytest.mark.parametrize("name", HEADERS)
def test_celery_sees_no_header_of_another_type_than_it_expects(name: str) -> None:
    message = taken(**{name: {"a": 1}, "correlation_id": "c"}, embed={"callbacks": [LINK]})

    handed_on(message)

    assert name not in message.headers


@pytest.mark.parametrize("name", ["delivery_info", "whole", "refusal", "handed", "get", "id", "args"])
def test_celery_sees_nothing_beside_the_links(name: str) -> None:
    message = taken(embed={"errbacks": [LINK], name: None})

    handed = handed_on(message)

    assert message.payload == [[], {}, {"errbacks": [LINK]}]
    assert handed.fields == FIELDS


def test_what_a_sender_names_as_we_do_is_not_taken_for_ours() -> None:
    assert handed_with(taken(handed={"is_run": True})) is None


@pytest.mark.parametrize("fields", [None, ["amount", 1], "x", 5])
def test_fields_that_are_no_object_get_as_far_as_the_task(fields: Any) -> None:
    message = taken(fields=fields)

    handed = handed_on(message)

    assert handed.fields == fields
    assert message.payload == [[], {}, {}]


@pytest.mark.parametrize("args", [None, 0, ""])
def test_no_positional_arguments_are_none_whatever_stands_for_them(args: Any) -> None:
    message = taken(args=args)

    handed_on(message)

    assert message.payload[0] == []


def test_positional_arguments_are_refused_before_anything_is_applied() -> None:
    with pytest.raises(Refusal, match="positional_arguments"):
        Envelope(taken(args=[1]), "credits.purchase", stores_results=True).read()


def handed_request(*, is_run: bool) -> dict[str, Any]:
    message = Message("credits.grants", "credits.purchase", b"[[], {}, {}]", headers={"id": "id-1"})
    return {HANDED: Handed(message, {}, None, None, is_run=is_run)}


def failing(*_: Any) -> Any:
    raise ConnectionError("the results are away")


@pytest.mark.django_db
@pytest.mark.parametrize("trace", [failing, lambda *_: (None, None, 0.1, "")])
def test_what_celery_did_not_run_is_parked_before_it_is_acknowledged(trace: Any) -> None:
    answer = stored(trace)("id-1", [], {}, handed_request(is_run=False))

    assert not answer[1]  # so Celery acknowledges it
    parked = ParkedMessage.objects.get()
    assert (parked.reason, parked.name, parked.queue) == ("defect", "credits.purchase", "credits.grants")


@pytest.mark.django_db
def test_what_fails_behind_the_task_leaves_no_message_unacknowledged() -> None:
    answer = stored(failing)("id-1", [], {}, handed_request(is_run=True))

    assert not answer[1]
    assert not ParkedMessage.objects.exists()
