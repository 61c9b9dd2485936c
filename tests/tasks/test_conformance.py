"""The conformance vectors of docs/conformance against the service's own code on this database."""

from typing import Any

import pytest

from creditsvc.celery import app
from ledger.journal import post
from ledger.models import OutboxRow
from ledger.outcomes import DeclineReason, ParkReason
from ledger.plain_events import EVENTS
from ledger.requests import Request
from tasks import handlers  # noqa: F401  (registers the tasks)
from tasks.reading import validated
from tests.conformance import Vector, differences, filled, vectors

VECTORS = dict(vectors())
SUBJECTS = sorted({name.partition(":")[0] for name in VECTORS})


def carry_out(message: dict[str, Any]) -> Any:
    """The outcome of a command; a plain event has none."""
    if "task" in message:
        result = app.tasks[message["task"]].apply((), message["kwargs"])
        return result.result if result.successful() else result.result.outcome
    command = validated(EVENTS[message["event_type"]], message["data"]).as_command()
    post([Request(command, "conformance")])
    return None


def told(vector: Vector) -> list[dict[str, Any]]:
    """What was recorded to be told of the vector's merchants, in the order of its telling."""
    rows = OutboxRow.objects.filter(account__merchant_id__in=vector.merchants).exclude(event_type="")
    return [{"event_type": row.event_type, "data": row.body["data"]} for row in rows.order_by("account_sequence")]


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_message_leads_to_its_outcome_and_events(subject: str, own_database: str) -> None:
    wrong = {name: found for name in VECTORS if name.startswith(f"{subject}: ") and (found := found_wrong(name))}

    assert wrong == {}


def found_wrong(name: str) -> list[str]:
    """Where what comes out is not what the vector says."""
    vector = filled(VECTORS[name])
    for message in vector.given:
        carry_out(message)
    before = len(told(vector))
    outcome = carry_out(vector.message)
    return [
        *differences(vector.outcome, outcome, path="outcome"),
        *differences(vector.events, told(vector)[before:], path="events"),
    ]


def test_every_task_every_reason_to_decline_and_every_event_has_a_vector() -> None:
    tasks = {v["message"].get("task") for v in VECTORS.values()}
    reasons = {(v.get("outcome") or {}).get("reason") for v in VECTORS.values()}
    listened_to = {v["message"].get("event_type") for v in VECTORS.values()}

    assert tasks >= {name for name in app.tasks if name in TASKS}
    assert reasons >= set(DeclineReason) - NEEDS_TIME_STAFF_OR_FORTUNE
    assert listened_to >= set(EVENTS)
    assert {reason.partition(":")[0] for reason in reasons if reason} >= {
        ParkReason.INVALID_FIELD, ParkReason.IDEMPOTENCY_CONFLICT,
    }  # fmt: skip


TASKS = {
    f"credits.{name}"
    for name in (
        "open_account", "change_shop", "start_trial", "purchase", "grant", "reverse", "consume_match", "consume",
        "consume_many", "hold", "capture", "release",
    )
}  # fmt: skip
# Reached by waiting for a hold to run out, by staff's freezing, by a thousand grants of a million millions.
NEEDS_TIME_STAFF_OR_FORTUNE = {
    DeclineReason.ALREADY_EXPIRED, DeclineReason.FROZEN, DeclineReason.BALANCE_LIMIT,
}  # fmt: skip
