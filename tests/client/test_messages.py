"""The message on the wire: task message protocol 2, or the platform's envelope."""

import json
from uuid import UUID

import pytest
from celery import Celery
from credits_client import ConsumeMany, FieldRefused, Grant, MatchCompleted, Purchase, command
from credits_client.commands import COMMANDS
from credits_client.events import EVENTS
from credits_client.messages import Sender

import celeryconfig
from tests.client import examples

MESSAGE_ID = "5b0bd3c5-9c5e-4b7e-8f69-0d7f1a1f0c11"
SENDER = Sender("billing")


def of_celery(task, kwargs):
    """The message that Celery itself would send."""
    with Celery(set_as_current=False) as app:
        return app.amqp.as_task_v2(MESSAGE_ID, task, kwargs=kwargs, ignore_result=True)


@pytest.mark.parametrize("task", examples.COMMANDS)
def test_a_command_has_the_body_that_celery_would_give_it(task):
    kwargs = examples.COMMANDS[task]

    body = json.loads(SENDER.message(command(task, kwargs)).body)

    assert body[0] == []
    assert body[1].items() >= kwargs.items() or task == ConsumeMany.task
    assert body[2] == of_celery(task, kwargs).body[2]


def test_a_command_has_the_headers_that_celery_would_give_it():
    expected = of_celery("credits.purchase", examples.PURCHASE).headers
    for left_out in ("kwargsrepr", "replaced_task_nesting", "stamped_headers", "stamps"):  # nothing reads them
        del expected[left_out]

    headers = SENDER.message(Purchase(**examples.PURCHASE), message_id=MESSAGE_ID).headers

    assert headers.pop("origin").startswith("billing@")
    assert expected.pop("origin")
    assert headers == expected


def test_nobody_is_made_to_pay_for_a_result():
    assert SENDER.message(Purchase(**examples.PURCHASE)).headers["ignore_result"] is True


def test_the_correlation_id_goes_as_header_and_as_field():
    message = SENDER.message(Purchase(**examples.PURCHASE, correlation_id="order-1"))

    assert message.headers["correlation_id"] == "order-1"
    assert json.loads(message.body)[1]["correlation_id"] == "order-1"


def test_without_a_correlation_id_the_message_names_none():
    message = SENDER.message(Purchase(**examples.PURCHASE))

    assert "correlation_id" not in message.headers
    assert "correlation_id" not in json.loads(message.body)[1]


def test_each_message_has_an_id_of_its_own():
    purchase = Purchase(**examples.PURCHASE)

    assert SENDER.message(purchase).message_id != SENDER.message(purchase).message_id


def test_sent_again_under_its_id_a_message_is_the_same():
    purchase = Purchase(**examples.PURCHASE)

    assert SENDER.message(purchase, message_id=MESSAGE_ID) == SENDER.message(purchase, message_id=UUID(MESSAGE_ID))


@pytest.mark.parametrize("message_id", ["", "order-1", 5, b"x"])
def test_a_message_id_that_is_no_uuid_is_refused(message_id):
    with pytest.raises(FieldRefused) as refusal:
        SENDER.message(Purchase(**examples.PURCHASE), message_id=message_id)

    assert refusal.value.field == "message_id"


@pytest.mark.parametrize("event_type", examples.EVENTS)
def test_a_plain_event_travels_in_the_envelope(event_type):
    event = EVENTS[event_type](**examples.EVENTS[event_type])

    envelope = json.loads(SENDER.message(event, message_id=MESSAGE_ID).body)

    assert envelope.pop("timestamp").endswith("Z")
    assert envelope == {
        "event_id": MESSAGE_ID,
        "event_type": event_type,
        "correlation_id": MESSAGE_ID,
        "source_service": "billing",
        "data": examples.EVENTS[event_type],
    }


def test_the_correlation_id_of_a_plain_event_stands_in_the_envelope_alone():
    event = MatchCompleted(**examples.MATCH, correlation_id="session-1")

    envelope = json.loads(SENDER.message(event).body)

    assert envelope["correlation_id"] == "session-1"
    assert envelope["data"] == examples.MATCH


def test_commands_go_where_the_service_has_bound_its_queues():
    bound = {(b.exchange.name, b.routing_key): queue.name for queue in celeryconfig.task_queues for b in queue.bindings}

    routes = [SENDER.message(command(task, examples.COMMANDS[task])).route for task in COMMANDS]

    assert {route.queue for route in routes} == {bound[route.exchange, route.routing_key] for route in routes}


def test_plain_events_go_where_the_service_has_bound_its_queues():
    bound = {(b.exchange.name, b.routing_key): q.name for q in celeryconfig.inbound_queues for b in q.bindings}

    routes = [SENDER.message(EVENTS[name](**examples.EVENTS[name])).route for name in EVENTS]

    assert {(r.exchange, r.routing_key): r.queue for r in routes} == bound


def test_metadata_that_was_changed_after_it_was_checked_is_refused():
    grant = Grant(**examples.ITEM, metadata={"a": 1})
    grant.metadata["a"] = float("nan")

    with pytest.raises(FieldRefused) as refusal:
        SENDER.message(grant)

    assert refusal.value.field == "metadata"
