"""Drill: a flood of poison."""

from collections.abc import Callable

import pytest

from tests.confirms import confirmed
from tests.drills.conftest import Stage
from tests.e2e.producer import consumption, new_id, opening
from tests.ledger.raw_sql import execute
from tests.processes import eventually

pytestmark = [pytest.mark.servers, pytest.mark.slow]

MALFORMED = 1_500
EARLY = 20


def parked(state: str) -> int:
    return int(execute("SELECT count(*) FROM credit_parked WHERE state = %s", [state])[0][0])


def flood(stage: Stage, merchant: str) -> None:
    """Malformed messages, and every tenth a good one between them."""
    with confirmed(stage.service.broker_url) as publish:
        for number in range(MALFORMED):
            publish(
                f"{{poison {number}",
                exchange="",
                routing_key="credits.consume",
                content_type="application/json",
                content_encoding="utf-8",
            )
            if number % 10 == 0:
                body, headers = stage.producer.task_message("credits.consume", consumption(merchant))
                publish(
                    body,
                    exchange="credits.commands",
                    routing_key="credits.consume",
                    headers=headers,
                    content_type="application/json",
                    content_encoding="utf-8",
                )


def test_a_flood_holds_up_nothing_and_is_settled_in_bulk(stage_of: Callable[..., Stage]) -> None:
    stage = stage_of("poison", "grants", "consume", "beat", account_wait="PT1S")
    merchant, late = stage.producer.merchant(credits=1_000), new_id()
    for _ in range(EARLY):
        stage.producer.send("credits.consume", consumption(late))
    flood(stage, merchant)

    stage.producer.settled(merchant, balance=1_000 - MALFORMED // 10)
    eventually(lambda: parked("parked") == MALFORMED + EARLY, what=f"all are parked, now {parked('parked')}")
    counted = stage.drill.do("count").split("\n")
    stage.drill.do("dismiss")
    stage.producer.send("credits.open_account", opening(late))
    stage.producer.send("credits.purchase", {"merchant_id": late, "credits": EARLY, "purchase_id": new_id()})
    stage.producer.settled(late, balance=EARLY)
    stage.drill.do("replay")

    stage.producer.settled(late, balance=0)
    assert [line.split() for line in counted if line] == [
        [str(MALFORMED), "not_json", "body", "-", "credits.consume"],
        [str(EARLY), "no_account", "merchant_id", "credits.consume", "credits.consume"],
    ]
    assert (parked("parked"), parked("dismissed"), parked("replayed")) == (0, MALFORMED, EARLY)
