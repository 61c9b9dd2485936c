"""Warm shutdown: each process of the Procfile ends within ten seconds of SIGTERM, whatever it is waiting for."""

import signal
import socket
import time
import urllib.request
from collections.abc import Container, Iterator
from contextlib import closing, contextmanager, suppress
from threading import Thread

import psycopg2
import pytest
from celery.platforms import EX_FAILURE

from tests.e2e.producer import consumption, new_id
from tests.e2e.service import WARM_STOP_SECONDS
from tests.e2e.stage import Stage, staged
from tests.processes import PATIENCE_SECONDS, eventually
from tests.servers.ports import free_ports

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PROCESSES = ("web", "grants", "consume", "notifications", "beat")
NOTICES = {
    "notify_webhook_secret": "a secret that only the receiver of the webhook shares",
    "notify_emails": "ann@example.com",
    "notify_email_from": "credits@example.com",
    "email_host": "127.0.0.1",
}


@pytest.fixture(scope="module")
def silent_port() -> Iterator[int]:
    """Where somebody takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, silent_port: int) -> Iterator[Stage]:
    """Its mail server and its webhook never answer."""
    settings = {
        **NOTICES,
        "email_port": str(silent_port),
        "notify_webhook_url": f"http://127.0.0.1:{silent_port}/hook",
        "credit_api_external_port": str(free_ports(1)[0]),
    }
    with staged(tmp_path_factory.mktemp("shutdown"), **settings) as made:
        yield made


def seconds_to_end(stage: Stage, *names: str, exit_codes: Container[int] = (0,)) -> dict[str, float]:
    """Tell processes to stop, all at once; how long each took. Fails where one ends otherwise."""
    told_at = time.monotonic()
    running = {name: stage.service.processes[name] for name in names}
    for process in running.values():
        process.signal(signal.SIGTERM)
    took: dict[str, float] = {}

    def have_ended() -> bool:
        for name in running.keys() - took.keys():
            if running[name].exit_code is not None:
                took[name] = time.monotonic() - told_at
        return took.keys() == running.keys()

    eventually(have_ended, timeout_seconds=PATIENCE_SECONDS)
    codes = {name: process.exit_code for name, process in running.items()}
    assert all(code in exit_codes for code in codes.values()), codes
    return took


def assert_ends_in_time(stage: Stage, *names: str) -> None:
    took = seconds_to_end(stage, *names)

    assert max(took.values()) < WARM_STOP_SECONDS, took


@contextmanager
def table_locked(stage: Stage) -> Iterator[None]:
    """Somebody holds the accounts, as a migration or a person at a console would."""
    with closing(psycopg2.connect(stage.postgresql.url)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE credit_accounts IN ACCESS EXCLUSIVE MODE")
        yield


def test_under_load(stage: Stage) -> None:
    stage.service.start(*PROCESSES)
    merchant = stage.producer.merchant(credits=10_000)
    sent = stage.burst(merchant)
    eventually(lambda: (stage.service.books.balance(merchant) or 0) < 10_000)

    assert_ends_in_time(stage, *PROCESSES)

    stage.service.start("consume")
    stage.producer.settled(merchant, balance=10_000 - len(sent))
    assert stage.matches(merchant) == sent
    stage.service.stop("consume")


def test_while_the_database_is_away(stage: Stage) -> None:
    stage.service.start(*PROCESSES)
    merchant = stage.producer.merchant(credits=1_000)
    stage.postgresql.kill()
    stage.burst(merchant, size=20)
    stage.producer.send("credits.purchase", {"merchant_id": merchant, "credits": 5, "purchase_id": new_id()})
    for name in ("grants", "consume"):
        stage.service.processes[name].wait_for_log("database in trouble")

    assert_ends_in_time(stage, *PROCESSES)

    stage.postgresql.restart()
    stage.service.start("grants", "consume")
    stage.producer.settled(merchant, balance=985)
    stage.service.stop("grants", "consume")


def test_while_the_broker_is_away(stage: Stage) -> None:
    stage.service.start(*PROCESSES)
    stage.rabbitmq.kill()
    for name in ("grants", "consume", "notifications"):
        stage.service.processes[name].wait_for_log("Cannot connect|Connection refused")

    assert_ends_in_time(stage, *PROCESSES)

    stage.rabbitmq.restart()


def test_while_somebody_holds_a_lock_on_the_accounts(stage: Stage) -> None:
    stage.service.start("grants", "consume", "web")
    merchant = stage.producer.merchant(credits=1_000)
    url = f"http://127.0.0.1:{stage.service.environment['CREDIT_API_EXTERNAL_PORT']}/metrics"
    with table_locked(stage):
        stage.burst(merchant, size=20)
        stage.producer.send("credits.purchase", {"merchant_id": merchant, "credits": 5, "purchase_id": new_id()})
        Thread(target=suppressed, args=(url,), daemon=True).start()
        for name in ("grants", "consume"):
            stage.service.processes[name].wait_for_log("lock timeout")

        assert_ends_in_time(stage, "grants", "consume", "web")

    stage.service.start("grants", "consume")
    stage.producer.settled(merchant, balance=985)
    stage.service.stop("grants", "consume")


def suppressed(url: str) -> None:
    """Ask, whatever comes of it."""
    with suppress(OSError):
        urllib.request.urlopen(url, timeout=WARM_STOP_SECONDS).close()


def test_while_nobody_answers_its_notices_which_come_again(stage: Stage) -> None:
    stage.service.start("grants", "consume", "notifications")
    merchant = stage.producer.merchant(credits=150)
    stage.producer.send("credits.consume", consumption(merchant, amount=100))
    low = eventually(
        lambda: [row for row in stage.service.books.events(merchant) if "low_balance" in row["event_type"]]
    )
    eventually(lambda: stage.service.books.events(merchant)[-1]["published_at"])
    stage.service.processes["notifications"].wait_for_log(f"event published.*{low[0]['correlation_id']}")

    assert_ends_in_time(stage, "notifications")

    assert stage.host.messages()["credits.notifications"] == 2
    assert stage.service.books.waiting(low[0]["correlation_id"]) == []
    stage.service.stop("grants", "consume")


def test_during_a_long_sweep(stage: Stage) -> None:
    stage.service.start("grants", "consume")
    merchant = stage.producer.merchant(credits=10_000)
    sent = stage.burst(merchant) + stage.burst(merchant)
    stage.producer.settled(merchant, balance=10_000 - len(sent))
    stage.service.stop("grants", "consume")
    with closing(psycopg2.connect(stage.postgresql.url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE credit_outbox_batches SET published_at = NULL, publish_after = now() WHERE destination = 'event'"
        )
    rows = unpublished(stage)
    stage.service.start("grants", "beat")
    eventually(lambda: unpublished(stage) < rows)

    assert_ends_in_time(stage, "grants", "beat")

    assert 0 < unpublished(stage) < rows
    stage.service.start("grants", "beat")
    eventually(lambda: unpublished(stage) == 0)
    stage.service.stop("grants", "beat")


def unpublished(stage: Stage) -> int:
    """Outbox rows still to be published."""
    with closing(psycopg2.connect(stage.postgresql.url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM credit_outbox JOIN credit_outbox_batches batch ON batch.id = batch_id "
            "WHERE published_at IS NULL"
        )
        ((count,),) = cursor.fetchall()
        return int(count)


# One that was told twice may meet the second one when it has ended but for the interpreter: that ends it, too.
@pytest.mark.parametrize(
    ("first", "exit_codes"), [(signal.SIGTERM, {0, -signal.SIGTERM}), (signal.SIGQUIT, {EX_FAILURE})]
)
def test_a_second_sigterm_or_a_sigquit_loses_nothing(stage: Stage, first: signal.Signals, exit_codes: set[int]) -> None:
    stage.service.start("grants", "consume")
    merchant = stage.producer.merchant(credits=10_000)
    sent = stage.burst(merchant)
    eventually(lambda: (stage.service.books.balance(merchant) or 0) < 10_000)
    stage.service.processes["consume"].signal(first)

    took = seconds_to_end(stage, "consume", exit_codes=exit_codes)

    assert took["consume"] < WARM_STOP_SECONDS
    stage.service.start("consume")
    stage.producer.settled(merchant, balance=10_000 - len(sent))
    assert stage.matches(merchant) == sent
    stage.service.stop("grants", "consume")
