"""Plain messages: what is read the short way is read as the long way reads it, and that refuses none of it."""

import json
from typing import Any

import pytest
from celery.worker import state
from hypothesis import given
from hypothesis import strategies as st
from kombu.message import Message

from tasks.deliveries import Delivery
from tasks.plain import read_plain
from tasks.strategy import Envelope

MERCHANT = "5d1b4b4e-6f0f-4f57-8d2a-0c9a6a3f7c11"
MATCH: dict[str, Any] = {"merchant_id": MERCHANT, "match_id": "m", "shopper_id": "s", "matched_items_count": 1}
CONSUME: dict[str, Any] = {
    "merchant_id": MERCHANT,
    "amount": 2,
    "reference_type": "job",
    "reference_id": "j",
    "metadata": {"a": [1.5, {"b": None}]},
}
EMBED: dict[str, Any] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
HEADERS: dict[str, Any] = {"task": "credits.consume_match", "id": "id-1", "root_id": "root-1", "ignore_result": True}


def message(
    kwargs: Any = MATCH, *, args: Any = (), embed: Any = EMBED, body: str | None = None, **headers: Any
) -> Message:
    """A task message as it comes from the broker."""
    return Message(
        json.dumps([args, kwargs, embed]) if body is None else body,
        content_type="application/json",
        content_encoding="utf-8",
        headers={**HEADERS, **headers},
        properties={"correlation_id": "of AMQP"},
        delivery_info={"routing_key": "credits.consume_match"},
        accept={"application/json"},
    )


def told(delivery: Delivery | None) -> Any:
    """All that is to be done with a message, in values that compare."""
    assert delivery is not None
    requests = [
        (request.command, request.correlation_id, request.due_at, request.message and request.message())
        for request in delivery.requests
    ]
    return delivery.name, requests, delivery.parked, delivery.kept


def long_way(of: Message) -> Delivery | None:
    """What the strategy's envelope reads; raises Refusal."""
    return Envelope(of, of.headers["task"], stores_results=True).read()


def test_a_plain_message_is_read_as_the_long_way_reads_it() -> None:
    for given_message in (message(), message(CONSUME, task="credits.consume")):
        plain = read_plain(given_message, stores_results=True)

        assert told(plain) == told(long_way(given_message))


@pytest.mark.parametrize(
    "headers",
    [
        {"eta": "2030-01-01T00:00:00+00:00"},
        {"expires": "2030-01-01T00:00:00+00:00"},
        {"ignore_result": False},
        {"id": 5},
        {"id": None},
        {"task": "credits.consume_many"},
        {"task": "nobody.knows.it"},
        {"correlation_id": 5},
        {"correlation_id": "line\nbreak"},
        {"correlation_id": "", "root_id": "root"},
        {"root_id": "x" * 256},
        {"x-credits-replay": "0190a0b0-0000-7000-8000-000000000000"},
    ],
    ids=str,
)
def test_headers_that_ask_for_more_or_are_no_good_are_read_the_long_way(headers: dict[str, Any]) -> None:
    assert read_plain(message(**headers), stores_results=True) is None


@pytest.mark.parametrize(
    "given_message",
    [
        message(args=[1]),
        message(embed={**EMBED, "callbacks": [{}]}),
        message(embed=[]),
        message({**MATCH, "more": 1}),
        message({**MATCH, "matched_items_count": True}),
        message({**MATCH, "merchant_id": {"__type__": "uuid", "__value__": MERCHANT}}),
        message({**CONSUME, "metadata": {"at": {"__type__": "datetime", "__value__": "2026-01-01"}}}),
        message(body="no JSON"),
        message(body="[]"),
        message(body=""),
    ],
    ids=lambda given_message: given_message.body[:60],
)
def test_bodies_that_hold_anything_else_are_read_the_long_way(given_message: Message) -> None:
    assert read_plain(given_message, stores_results=True) is None


def test_a_revoked_message_is_read_the_long_way() -> None:
    state.revoked.add("id-1")

    plain = read_plain(message(), stores_results=True)

    state.revoked.discard("id-1")
    assert plain is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
odd_fields = st.dictionaries(st.sampled_from([*CONSUME, "correlation_id", "description", "more"]), json_values)


@given(
    odd_fields, st.dictionaries(st.sampled_from(["correlation_id", "root_id", "id", "lang"]), json_values), json_values
)
def test_whatever_is_read_the_short_way_the_long_way_reads_alike(
    fields: dict[str, Any], headers: dict[str, Any], embed: Any
) -> None:
    given_message = message({**CONSUME, **fields}, embed=embed, **{**headers, "task": "credits.consume"})

    plain = read_plain(given_message, stores_results=True)

    if plain is not None:
        assert told(plain) == told(long_way(given_message))
