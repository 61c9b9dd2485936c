"""Any message at all: whatever a sender wrote into it, it is read or parked, and what is parked can be stored."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kombu.message import Message as BrokerMessage

from ledger.journal.parking import park
from ledger.links import LINKS
from ledger.models import ParkedMessage
from tasks.deliveries import Delivery, bare, whole
from tasks.errors import Refusal
from tasks.handing import HANDED, HEADERS
from tasks.inbound import read_event
from tasks.plain import read_plain
from tasks.reading import correlation_id_of
from tasks.steps import is_command
from tasks.strategy import Envelope
from tasks.topology import routing_key_of
from tests.e2e.malformed import MALFORMED

pytestmark = pytest.mark.django_db

texts = st.text(max_size=20) | st.sampled_from(
    ["\0", "\ud800", "credits.consume", "evt.ai.match.completed.v1", "utf-8"]
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=8)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
# As against what is found out before: by the task's name, or its lack of one, or as it is decompressed.
OF_A_COMMAND = {
    name: wrong
    for name, wrong in MALFORMED.items()
    if wrong.task == "credits.consume" and "task" not in wrong.without and "compression" not in wrong.headers
}
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


@pytest.mark.parametrize("name", ["x-credits-producer", "x-credits-untold", "x-credits-name", "x-credits-replay"])
@pytest.mark.parametrize("value", ["\ud800:abc", "\ud800", ":", "a:b:c", "", 7, ["a"], {"a": 1}, None, b"\xff"])
def test_no_header_of_our_own_surprises_us_whatever_stands_there(name, value):
    taken = message(b"[[], {}, {}]", {"task": "credits.consume", "id": "1", name: value})

    assert read_plain(taken, stores_results=True) is None
    park(as_a_task(taken).parked)
    park(read_event(taken).parked)


@pytest.mark.parametrize("body", ["\ud800", b"\xff", ""])
@pytest.mark.parametrize("encoding", [["utf-8"], 7, None, "punycode", "no such code"])
def test_the_last_resort_needs_no_code(body, encoding):
    taken = message(body, {}, encoding=encoding)

    assert isinstance(whole(taken).body, bytes)
    assert isinstance(bare(taken).body, bytes)


@pytest.mark.parametrize("info", [{"queue": ["a"]}, {"routing_key": ["a"]}, {"exchange": ["a"]}, {"exchange": {}}, {}])
def test_nothing_surprises_us_of_where_a_message_says_that_it_comes_from(info):
    taken = message(b"{}", {})
    taken.delivery_info = info

    assert isinstance(whole(taken).queue, str)
    assert isinstance(whole(taken).name, str)


def as_a_task(taken: BrokerMessage) -> Delivery:
    """What the strategy of a command's task makes of a message."""
    envelope = Envelope(taken, "credits.consume", stores_results=True)
    try:
        if delivery := envelope.read():
            return delivery
    except Refusal as refusal:
        return envelope.refused(refusal)
    return as_celery_gets_it(taken, envelope)


def as_celery_gets_it(taken: BrokerMessage, envelope: Envelope) -> Delivery:
    """A message that goes Celery's own way, in which nothing can surprise Celery any more."""
    seen = envelope.as_handed(None)
    args, fields, links = seen.payload
    assert (args, fields) == ([], {})
    assert links.keys() <= set(LINKS)
    assert seen.headers.keys() <= {"task", "id", HANDED, *HEADERS}
    return Delivery(taken, "watched")


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, headers=headers, content_type=texts | st.none(), encoding=texts | st.none())
def test_any_message_is_read_or_parked_and_can_be_stored(body, headers, content_type, encoding):
    taken = message(body, headers, content_type=content_type, encoding=encoding)

    deliveries = [as_a_task(taken), read_event(taken)]
    is_command(taken.headers.get("task"))
    routing_key_of(taken)
    correlation_id_of(whole(taken))

    park([parked for delivery in deliveries for parked in delivery.parked])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deaths=values)
def test_any_history_of_deaths_is_read(deaths):
    dead = message(b"{}", {"x-death": deaths})
    dead.delivery_info = {"exchange": "credits.dead", "routing_key": "credits.consume"}

    assert isinstance(routing_key_of(dead), str)
    assert isinstance(whole(dead).queue, str)


DEATH = {"reason": "delivery_limit", "count": 1, "exchange": "credits.commands", "routing-keys": ["credits.grant"]}


@pytest.mark.parametrize("queue", ["a queue of somebody", "credits.sweeps"])
def test_no_sender_names_the_queue_that_a_message_goes_back_to(queue):
    notes = {"x-first-death-queue": queue, "x-credits-name": queue, "x-death": [{**DEATH, "queue": queue}]}

    assert whole(message(b"{}", notes)).queue == "credits.consume"


@pytest.mark.parametrize("key", ["credits.dead", "credits.notifications", "credits.nowhere"])
def test_a_message_goes_back_to_where_it_was_taken_from_whatever_its_key(key):
    """By the header CC a sender's own message gets to our queues under any key."""
    forged = message(b"{}", {"x-death": [{**DEATH, "queue": "credits.notifications"}]})
    forged.delivery_info = {"exchange": "credits.commands", "routing_key": key, "queue": "credits.consume"}

    assert whole(forged).queue == "credits.consume"


@pytest.mark.parametrize(("queue", "found"), [("credits.grants", "credits.grants"), ("of somebody", "credits.dead")])
def test_a_dead_letter_goes_back_to_our_queue_that_it_died_in(queue, found):
    dead = message(b"{}", {"x-death": [{**DEATH, "queue": queue}], "x-first-death-queue": "credits.sweeps"})
    dead.delivery_info = {"exchange": "credits.dead", "routing_key": "credits.dead"}

    assert whole(dead).queue == found


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("case", OF_A_COMMAND)
def test_every_known_case_is_parked_whole(case, asks):
    wrong = OF_A_COMMAND[case]
    body = wrong.body if isinstance(wrong.body, bytes) else wrong.body.encode()
    body = body.replace(b"MERCHANT", str(uuid4()).encode())
    given_headers = {"id": "id-1", "task": wrong.task, "ignore_result": not asks, **wrong.headers}
    given_headers = {name: value for name, value in given_headers.items() if name not in wrong.without}
    taken = message(body, given_headers, content_type=wrong.content_type, encoding=wrong.content_encoding)

    delivery = as_a_task(taken)
    park(delivery.parked)

    is_left_to_the_task = asks and delivery.name == "watched"  # as its fields are
    found = [] if is_left_to_the_task else [(wrong.reason, wrong.field)]
    assert list(ParkedMessage.objects.values_list("reason", "field")) == found
