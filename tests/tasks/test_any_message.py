"""Any message at all: whatever a sender wrote into it, it is read or parked, and what is parked can be stored."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kombu.message import Message as BrokerMessage

from ledger.journal.parking import park
from ledger.models import ParkedMessage
from tasks.deliveries import Delivery, whole
from tasks.errors import Refusal
from tasks.inbound import read_event
from tasks.reading import correlation_id_of
from tasks.steps import _death_of, is_command
from tasks.strategy import Envelope
from tests.e2e.malformed import MALFORMED

pytestmark = pytest.mark.django_db

texts = st.text(max_size=20) | st.sampled_from(
    ["\0", "\ud800", "credits.consume", "evt.ai.match.completed.v1", "utf-8"]
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=8)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
NAMES = (
    "task", "id", "root_id", "correlation_id", "eta", "expires", "x-death", "x-delivery-count", "x-first-death-queue",
    "x-credits-name", "x-credits-replay", "compression", "ignore_result", "retries", "traceparent",
)  # fmt: skip
headers = st.dictionaries(st.sampled_from(NAMES) | texts | st.binary(max_size=3), values, max_size=6)
bodies = st.binary(max_size=40) | values.map(lambda value: json.dumps(value, default=str).encode()) | texts


def message(
    body: Any, headers: Any, *, content_type: Any = "application/json", encoding: Any = "utf-8"
) -> BrokerMessage:
    """A message as kombu hands it on, of a queue for which a broker's routing key is a text."""
    return BrokerMessage(
        body=body,
        headers=headers,
        content_type=content_type,
        content_encoding=encoding,
        properties={"content_type": content_type, "content_encoding": encoding},
        delivery_info={"exchange": "", "routing_key": "credits.consume"},
        accept={"application/json"},
    )


def as_a_task(taken: BrokerMessage) -> Delivery:
    """What the strategy of a command's task makes of a message."""
    envelope = Envelope(taken, "credits.consume", stores_results=True)
    try:
        return envelope.read() or Delivery(taken, "watched")
    except Refusal as refusal:
        return envelope.refused(refusal)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, headers=headers, content_type=texts | st.none(), encoding=texts | st.none())
def test_any_message_is_read_or_parked_and_can_be_stored(body, headers, content_type, encoding):
    taken = message(body, headers, content_type=content_type, encoding=encoding)

    deliveries = [as_a_task(taken), read_event(taken)]
    is_command(taken.headers.get("task"))
    _death_of(taken)
    correlation_id_of(whole(taken))

    park([parked for delivery in deliveries for parked in delivery.parked])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deaths=values)
def test_any_history_of_deaths_is_read(deaths):
    reason, key = _death_of(message(b"{}", {"x-death": deaths}))

    assert isinstance(reason, str)
    assert isinstance(key, str)


@pytest.mark.parametrize("name", ["x-first-death-queue", "x-credits-name"])
def test_nobody_names_a_queue_that_is_none_of_ours(name):
    assert whole(message(b"{}", {name: "a queue of somebody"})).queue == "credits.consume"


@pytest.mark.parametrize("case", MALFORMED)
def test_every_known_case_is_parked_whole(case):
    wrong = MALFORMED[case]
    body = wrong.body if isinstance(wrong.body, bytes) else wrong.body.encode()
    given_headers = {"id": "id-1", "task": wrong.task, **wrong.headers}
    given_headers = {name: value for name, value in given_headers.items() if name not in wrong.without}
    taken = message(body, given_headers, content_type=wrong.content_type, encoding=wrong.content_encoding)

    delivery = as_a_task(taken)
    park(delivery.parked)

    assert ParkedMessage.objects.count() == len(delivery.parked)
