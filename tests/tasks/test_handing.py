"""Handing on: of a message that goes Celery's own way, Celery sees what was read of it, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from amqp.exceptions import AccessRefused, NotFound
from celery.app.trace import build_tracer
from celery.exceptions import Reject
from kombu.exceptions import OperationalError
from kombu.message import Message as BrokerMessage

from creditsvc.celery import app
from ledger.commands import Purchase
from ledger.links import LINKS
from ledger.messages import Message
from ledger.models import ParkedMessage, Transaction, WaitingCommand
from ledger.requests import Request
from tasks.errors import CommandParked, Refusal
from tasks.handing import HANDED, HEADERS, Handed, stored
from tasks.handlers import purchase
from tasks.posting import post_requests
from tasks.results import Untold
from tasks.strategy import Envelope
from tests.ledger.builders import opened_account

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


def handed_on(message: BrokerMessage) -> BrokerMessage:
    """What Celery gets of a message."""
    envelope = Envelope(message, "credits.purchase", stores_results=True)
    assert envelope.read() is None
    return envelope.as_handed(None)


@pytest.mark.parametrize("name", [*LINKS, "get", "delivery_info", "stamps", "stamped_headers", "timelimit", "whole"])
def test_celery_sees_no_header_that_it_would_take_for_something_of_its_own(name: str) -> None:
    seen = handed_on(taken(**{name: [FORGED]}))

    assert seen.headers.keys() <= {"task", "id", HANDED, *HEADERS}
    assert seen.headers[HANDED].whole.headers[name] == [FORGED]


@pytest.mark.parametrize("name", HEADERS)
def test_celery_sees_no_header_of_another_type_than_it_expects(name: str) -> None:
    seen = handed_on(taken(**{name: {"a": 1}, "correlation_id": "c"}, embed={"callbacks": [LINK]}))

    assert name not in seen.headers


@pytest.mark.parametrize("number", [-1, 2**31, 10**400])
def test_celery_sees_no_number_that_the_results_may_refuse(number: int) -> None:
    seen = handed_on(taken(group_index=number, retries=number, embed={"callbacks": [LINK]}))

    assert seen.headers.keys().isdisjoint({"group_index", "retries"})


@pytest.mark.parametrize("name", ["delivery_info", "whole", "refusal", "handed", "get", "id", "args"])
def test_celery_sees_nothing_beside_the_links(name: str) -> None:
    seen = handed_on(taken(embed={"errbacks": [LINK], name: None}))

    assert seen.payload == [[], {}, {"errbacks": [LINK]}]
    assert seen.headers[HANDED].fields == FIELDS


def test_what_a_sender_names_as_we_do_is_not_taken_for_ours() -> None:
    seen = handed_on(taken(handed={"is_run": True}))

    assert isinstance(seen.headers[HANDED], Handed)


def test_the_broker_gets_a_message_back_as_it_came() -> None:
    message = taken(embed={"callbacks": [LINK], "whole": 1}, get="x")
    body, headers = message.body, dict(message.headers)

    handed_on(message)

    assert (message.body, message.headers) == (body, headers)


@pytest.mark.parametrize("fields", [None, ["amount", 1], "x", 5])
def test_fields_that_are_no_object_get_as_far_as_the_task(fields: Any) -> None:
    seen = handed_on(taken(fields=fields))

    assert seen.headers[HANDED].fields == fields
    assert seen.payload == [[], {}, {}]


@pytest.mark.parametrize("args", [None, 0, ""])
def test_no_positional_arguments_are_none_whatever_stands_for_them(args: Any) -> None:
    seen = handed_on(taken(args=args))

    assert seen.payload[0] == []


def test_positional_arguments_are_refused_before_anything_is_applied() -> None:
    with pytest.raises(Refusal, match="positional_arguments"):
        Envelope(taken(args=[1]), "credits.purchase", stores_results=True).read()


def request_of(**parts: Any) -> dict[str, Any]:
    """What Celery's tracer gets with a purchase."""
    message = Message("credits.grants", "credits.purchase", b"[[], {}, {}]", headers={"id": "id-1"})
    handed = Handed(message, FIELDS, None, None, is_run=parts.pop("is_run", False))
    return {"id": "id-1", "delivery_info": {}, HANDED: handed, **parts}


def failing(*_: Any, **__: Any) -> Any:
    raise ConnectionError("the results are away")


def untold(*_: Any, **__: Any) -> Any:
    raise Untold("a link: the broker is away")


def kept_message() -> Message:
    """The one message that is kept, to be sent again in some seconds."""
    row = WaitingCommand.objects.get()
    assert row.send_again
    assert timedelta(0) < row.due_at - datetime.now(UTC) < timedelta(minutes=1)
    return Message.from_text(row.message)


def is_given_back(answer: Any) -> bool:
    """Whether Celery, which unwraps the error as here, puts the message back into its queue."""
    error = answer[0].exception if answer[1] else None
    error = getattr(error, "exc", error)
    return isinstance(error, Reject) and error.requeue


@pytest.mark.django_db
@pytest.mark.parametrize("trace", [failing, lambda *_: (None, None, 0.1, "")])
def test_what_celery_did_not_run_is_parked_before_it_is_acknowledged(trace: Any) -> None:
    answer = stored(trace)("id-1", [], {}, request_of())

    assert not answer[1]  # so Celery acknowledges it
    parked = ParkedMessage.objects.get()
    assert (parked.reason, parked.name, parked.queue) == ("defect", "credits.purchase", "credits.grants")


@pytest.mark.django_db
def test_what_fails_behind_the_task_leaves_no_message_unacknowledged() -> None:
    answer = stored(failing)("id-1", [], {}, request_of(is_run=True))

    assert not answer[1]
    assert not ParkedMessage.objects.exists()


@pytest.mark.parametrize("trace", [failing, lambda *_: (None, None, 0.1, "")])
def test_what_can_be_parked_by_no_means_is_given_back(monkeypatch: pytest.MonkeyPatch, trace: Any) -> None:
    monkeypatch.setattr("tasks.parking.store_parked", failing)

    assert is_given_back(stored(trace)("id-1", [], {}, request_of()))


def test_a_task_that_fails_and_can_be_parked_by_no_means_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.handlers.post_requests", failing)
    monkeypatch.setattr("tasks.parking.store_parked", failing)

    assert is_given_back(stored(build_tracer(purchase.name, purchase, app=app))("id-1", [], {}, request_of()))


def test_what_follows_a_command_that_waits_for_its_account_is_kept_beside_it(own_database: str) -> None:
    message = request_of()[HANDED].whole
    post_requests([Request(Purchase.model_validate(FIELDS), "c", lambda: message)])
    assert not WaitingCommand.objects.get().send_again

    for _ in range(2):  # the second time redelivered, by a worker that was killed before it was acknowledged
        stored(untold)("id-1", [], {}, request_of(is_run=True))

    assert sorted(WaitingCommand.objects.values_list("send_again", flat=True)) == [False, True]


def test_what_is_to_come_again_and_can_be_kept_by_no_means_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.parking.store_kept", failing)

    assert is_given_back(stored(untold)("id-1", [], {}, request_of(is_run=True)))


def test_a_task_of_another_kind_fails_as_celery_has_it() -> None:
    with pytest.raises(ConnectionError):
        stored(failing)("id-1", [], {}, {})


@pytest.mark.parametrize("error", [OperationalError("away"), AccessRefused("refused"), NotFound("not there")])
@pytest.mark.parametrize("links", [{"callbacks": [LINK]}, {"callbacks": [LINK, LINK]}, {"chain": [LINK]}])
def test_what_follows_a_command_and_cannot_be_sent_is_sent_when_the_command_comes_again(
    own_database: str, monkeypatch: pytest.MonkeyPatch, links: dict[str, Any], error: Exception
) -> None:
    account, trace = opened_account(), stored(build_tracer(purchase.name, purchase, app=app))
    sent: list[str] = []

    def away(*_: Any, **__: Any) -> None:
        raise error

    def bought() -> dict[str, Any]:
        request = request_of(**links)
        request[HANDED].fields = {**FIELDS, "merchant_id": str(account.merchant_id)}
        return request

    monkeypatch.setattr(app.amqp, "send_task_message", away)
    assert not trace("id-1", [], {}, bought())[1]
    assert kept_message().name == "credits.purchase"
    monkeypatch.setattr(app.amqp, "send_task_message", lambda _, name, *__, **___: sent.append(name))
    assert not trace("id-1", [], {}, bought())[1]

    assert sent == ["credits.consume"] * len(next(iter(links.values())))
    assert Transaction.objects.filter(reference_type="purchase").count() == 1


@pytest.mark.parametrize("error", [OperationalError("away"), AccessRefused("refused")])
def test_what_follows_a_failure_and_cannot_be_sent_has_the_message_come_again(
    own_database: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    told: list[type] = []

    def away(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(app.amqp, "send_task_message", away)
    monkeypatch.setattr(app.backend, "store_result", lambda _, result, *__, **___: told.append(type(result)))
    request = request_of(errbacks=[LINK], ignore_result=False)
    request[HANDED].fields = {}

    assert not stored(build_tracer(purchase.name, purchase, app=app))("id-1", [], {}, request)[1]
    assert kept_message().name == "credits.purchase"
    assert told == [CommandParked]
    assert ParkedMessage.objects.get().reason == "invalid_field"
