"""Drill: the outbox is stuck."""

from collections.abc import Callable

import pytest
from kombu import Connection

from tests.drills.conftest import Stage
from tests.e2e.producer import consumption, new_id
from tests.ledger.raw_sql import execute
from tests.processes import eventually

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def swept_at_once() -> None:
    """Have the sweep take every row now: the drill's way to wait for half a minute."""
    unpublished = "SELECT id FROM credit_outbox_batches WHERE published_at IS NULL"
    execute(f"UPDATE credit_outbox SET created_at = now() - interval '1 min' WHERE batch_id IN ({unpublished})")
    execute(f"UPDATE credit_outbox_batches SET publish_after = now() - interval '1 s' WHERE id IN ({unpublished})")


def unpublished() -> int:
    return int(execute("SELECT count(*) FROM credit_outbox_batches WHERE published_at IS NULL")[0][0])


def replayed(stage: Stage, *, queue: str, body: str) -> str:
    """A parked message that somebody has replayed, and whose queue is now that one; its outbox row's id."""
    (message,) = eventually(lambda: stage.books.parked(body))
    execute("UPDATE credit_parked SET queue = %s WHERE id = %s", [queue, message["id"]])
    done = stage.service.manage("parked", "replay", str(message["id"]))
    assert done.returncode == 0, done.stderr
    ((row,),) = execute("SELECT id FROM credit_outbox WHERE destination = 'message' ORDER BY created_at DESC LIMIT 1")
    return str(row)


def test_what_is_stuck_is_shown_with_its_reason_and_got_moving(stage_of: Callable[..., Stage]) -> None:
    stage = stage_of("outbox", "grants", "consume", "beat")
    merchant = stage.producer.merchant(credits=100)
    eventually(lambda: unpublished() == 0)
    with Connection(stage.service.broker_url) as connection:
        connection.default_channel.exchange_delete("credits.events")
    token = new_id()
    stage.producer.publish(f"{{{token}", queue="credits.consume")
    gone = replayed(stage, queue="credits.gone", body=token)
    for _ in range(3):
        stage.producer.send("credits.consume", consumption(merchant))
    stage.producer.settled(merchant, balance=97)

    swept_at_once()
    eventually(lambda: "no exchange" in "".join(row["last_error"] for row in stage.books.events(merchant)))
    shown = stage.drill.do("stuck", code=1)
    stage.drill.do("declare")
    swept_at_once()
    eventually(lambda: unpublished() == 1, what="all but what has no queue")
    swept_at_once()
    eventually(lambda: "no queue credits.gone" in stage.service.manage("outbox", "stuck").stdout)
    stage.drill.set(ID=gone)
    stage.drill.do("park")

    assert "3 rows  event evt.credits.consumed.v1" in shown
    assert unpublished() == 0
    again = stage.books.parked(token)[-1]
    assert (again["state"], again["reason"], again["detail"]) == ("parked", "undeliverable", "no queue credits.gone")
