"""Warm shutdown: each process of the Procfile ends within ten seconds of SIGTERM, whatever it is waiting for."""

import http.client
import signal
import socket
import time
from collections.abc import Iterator
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.e2e.producer import consumption, new_id
from tests.e2e.service import WARM_STOP_SECONDS
from tests.e2e.stage import Stage, staged
from tests.processes import eventually
from tests.servers.ports import free_ports

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PROCESSES = ("web", "grants", "consume", "notifications", "beat")
SILENT = {"notify_webhook_secret": "a secret that only the receiver of the webhook shares", "notify_emails": "ann@example.com"}
SENDS = {"notify_email_from": "credits@example.com", "email_host": "127.0.0.1"}


@pytest.fixture(scope="module")
def silent_port() -> Iterator[int]:
    """Where somebody takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, silent_port: int) -> Iterator[Stage]:
    settings = {
        **SILENT,
        **SENDS,
        "email_port": str(silent_port),
        "notify_webhook_url": f"http://127.0.0.1:{silent_port}/hook",
        "credit_api_external_port": str(free_ports(1)[0]),
    }
    with staged(tmp_path_factory.mktemp("shutdown"), **settings) as made:
        yield made


def assert_ends_in_time(stage: Stage, *names: str) -> None:
    """Told to stop, all at once, each ends in time and by itself."""
    told_at = time.monotonic()
    for name in names:
        stage.service.processes[name].signal(signal.SIGTERM)
    took = {}
    codes = {}
    for name in names:
        codes[name] = stage.service.processes[name].wait()
        took[name] = time.monotonic() - told_at
    print(took)
    assert codes == dict.fromkeys(names, 0)
    assert max(took.values()) < WARM_STOP_SECONDS, took


def unsettled(stage: Stage) -> dict[str, int]:
    """Messages that wait in the broker, by queue; those of queues that hold none are left out."""
    return {name: count for name, count in stage.host.messages().items() if count and name != "credits.sweeps"}


def test_every_process_ends_in_time_under_load(stage: Stage) -> None:
    stage.service.start(*PROCESSES)
    merchant = stage.producer.merchant(credits=10_000)
    sent = stage.burst(merchant, size=2_000)
    eventually(lambda: (stage.service.books.balance(merchant) or 0) < 10_000)

    assert_ends_in_time(stage, *PROCESSES)

    stage.service.start("consume", "grants")
    stage.producer.settled(merchant, balance=8_000)
    assert stage.matches(merchant) == sent
    assert_ends_in_time(stage, "consume", "grants")


def test_every_process_ends_in_time_while_the_database_is_away(stage: Stage) -> None:
    stage.service.start(*PROCESSES)
    merchant = stage.producer.merchant(credits=100)
    stage.postgresql.kill()
    stage.burst(merchant, size=20)
    stage.producer.send("credits.purchase", {"merchant_id": merchant, "credits": 5, "purchase_id": new_id()})
    for name in ("grants", "consume"):
        stage.service.processes[name].wait_for_log("database in trouble")

    assert_ends_in_time(stage, *PROCESSES)

    stage.postgresql.restart()
    stage.service.start("consume", "grants")
    stage.producer.settled(merchant, balance=85)


def test_every_process_ends_in_time_while_the_broker_is_away(stage: Stage) -> None:
    stage.service.start(*PROCESSES)
    stage.rabbitmq.kill()
    for name in ("grants", "consume", "notifications"):
        stage.service.processes[name].wait_for_log("Cannot connect|Connection refused|connection to broker lost")
    time.sleep(6)

    assert_ends_in_time(stage, *PROCESSES)

    stage.rabbitmq.restart()


def test_a_notice_to_somebody_who_never_answers_ends_no_later_and_comes_again(stage: Stage) -> None:
    stage.service.start("grants", "consume", "notifications")
    merchant = stage.producer.merchant(credits=150)
    stage.producer.send("credits.consume", consumption(merchant, amount=100))
    eventually(lambda: stage.service.books.events(merchant)[-1]["published_at"])
    time.sleep(2)

    assert_ends_in_time(stage, "notifications")

    assert unsettled(stage) == {"credits.notifications": 2}
    assert_ends_in_time(stage, "grants", "consume")


def test_a_second_sigterm_changes_nothing(stage: Stage) -> None:
    stage.service.start("grants", "consume", "beat", "web", "notifications")
    merchant = stage.producer.merchant(credits=3_000)
    stage.burst(merchant, size=2_000)
    eventually(lambda: (stage.service.books.balance(merchant) or 0) < 3_000)
    for process in stage.service.processes.values():
        process.signal(signal.SIGTERM)
    time.sleep(0.2)

    assert_ends_in_time(stage, "grants", "consume", "beat", "web", "notifications")

    stage.service.start("consume")
    stage.producer.settled(merchant, balance=1_000)
    assert_ends_in_time(stage, "consume")


def test_sigquit_loses_nothing(stage: Stage) -> None:
    stage.service.start("grants", "consume")
    merchant = stage.producer.merchant(credits=3_000)
    sent = stage.burst(merchant, size=2_000)
    eventually(lambda: (stage.service.books.balance(merchant) or 0) < 3_000)

    told_at = time.monotonic()
    stage.service.processes["consume"].signal(signal.SIGQUIT)
    code = stage.service.processes["consume"].wait()
    print("SIGQUIT", code, time.monotonic() - told_at)

    assert time.monotonic() - told_at < WARM_STOP_SECONDS
    stage.service.start("consume")
    stage.producer.settled(merchant, balance=1_000)
    assert stage.matches(merchant) == sent
    assert_ends_in_time(stage, "grants", "consume")
