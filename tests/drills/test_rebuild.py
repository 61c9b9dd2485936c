"""Drill: rebuild from transactions."""

from collections.abc import Callable

import pytest

from tests.drills.conftest import Stage
from tests.e2e.producer import consumption
from tests.ledger.raw_sql import execute

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def test_what_was_edited_by_hand_is_put_right_while_workers_run(stage_of: Callable[..., Stage]) -> None:
    stage = stage_of("rebuild", "grants", "consume")
    merchant, bystander = stage.producer.merchant(credits=100), stage.producer.merchant(credits=50)
    stage.producer.send("credits.consume", consumption(merchant, amount=40))
    stage.producer.settled(merchant, balance=60)
    execute("UPDATE credit_accounts SET balance = balance + 7, total_granted = total_granted + 7")
    execute("UPDATE credit_lots SET remaining = remaining - 3")

    shown = stage.drill.do("check", code=1)
    stage.drill.do("write")
    stage.producer.send("credits.consume", consumption(merchant, amount=60))

    stage.producer.settled(merchant, balance=0)
    stage.producer.settled(bystander, balance=50)
    assert "balance: stored 67, by its transactions 60" in shown
    assert "remaining: stored 47, by its transactions 50" in shown
