"""The strategy: a message's time is decided first, whatever else it carries."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery.worker import state
from kombu.message import Message as BrokerMessage

from ledger.messages import REPLAY_OF
from tasks.errors import Refusal
from tasks.strategy import Envelope

HOUR = timedelta(hours=1)
LINK = {"task": "credits.consume", "immutable": True}
# What has a message go Celery's own way.
WATCHED: dict[str, dict[str, Any]] = {
    "a requested result": {"headers": {"ignore_result": False}},
    "a link": {"embed": {"callbacks": [LINK]}},
    "an errback": {"embed": {"errbacks": [LINK]}},
    "a chain": {"embed": {"chain": [LINK]}},
    "a chord": {"embed": {"chord": LINK}},
}
WHATEVER = {"nothing else": {}, **WATCHED}


def envelope(*, embed: dict[str, Any] | None = None, headers: dict[str, Any] | None = None, **times: str) -> Envelope:
    """A purchase as it comes from the broker."""
    fields = {"merchant_id": str(uuid4()), "credits": 5, "purchase_id": "order-7"}
    message = BrokerMessage(
        body=json.dumps([[], fields, embed or {}]),
        content_type="application/json",
        content_encoding="utf-8",
        headers={"task": "credits.purchase", "id": str(uuid4()), **(headers or {}), **times},
        delivery_info={"routing_key": "credits.grants"},
    )
    return Envelope(message, "credits.purchase", stores_results=True)


@pytest.mark.parametrize("carried", WHATEVER.values(), ids=WHATEVER)
def test_an_eta_is_waited_for_whatever_else_the_message_carries(carried: dict[str, Any]) -> None:
    eta = datetime.now(UTC) + HOUR

    delivery = envelope(**carried, eta=eta.isoformat()).read()

    assert delivery is not None
    assert [waits.due_at for waits in (*delivery.requests, *delivery.kept)] == [eta]


@pytest.mark.parametrize("carried", WHATEVER.values(), ids=WHATEVER)
def test_what_has_expired_is_refused_whatever_else_the_message_carries(carried: dict[str, Any]) -> None:
    now = datetime.now(UTC)

    with pytest.raises(Refusal) as refused:
        envelope(**carried, expires=(now - HOUR).isoformat(), eta=(now + HOUR).isoformat()).read()

    assert (refused.value.reason, refused.value.field) == ("expired", "expires")


def test_what_was_revoked_before_it_arrives_goes_celerys_way_at_once_which_drops_it() -> None:
    later = (datetime.now(UTC) + HOUR).isoformat()
    state.revoked.add("revoked-1")

    try:
        delivery = envelope(headers={"id": "revoked-1"}, eta=later).read()
    finally:
        state.revoked.discard("revoked-1")

    assert delivery is None


@pytest.mark.parametrize("carried", WHATEVER.values(), ids=WHATEVER)
def test_what_staff_send_again_is_carried_out_though_its_id_was_revoked(carried: dict[str, Any]) -> None:
    state.revoked.add("revoked-2")
    again = {"id": "revoked-2", REPLAY_OF: str(uuid4()), **carried.get("headers", {})}

    try:
        delivery = envelope(headers=again, embed=carried.get("embed")).read()
        is_dropped = "revoked-2" in state.revoked  # by Celery, which some of them go by
    finally:
        state.revoked.discard("revoked-2")

    assert not is_dropped
    assert delivery is None or len(delivery.requests) == 1
    assert (delivery is None) == bool(carried)


@pytest.mark.parametrize("carried", WATCHED.values(), ids=WATCHED)
def test_a_message_that_somebody_waits_for_goes_celerys_own_way_once_its_time_has_come(carried: dict[str, Any]) -> None:
    past = datetime.now(UTC) - HOUR

    assert envelope(**carried, eta=past.isoformat()).read() is None
