"""Logs: one line an event, in one form from the first line to the last, with correlation ids and without secrets."""

import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from creditsvc.environment import BASE_DIR
from tests.creditsvc.procfile import commands
from tests.fixtures.processes import RunProcess
from tests.processes import Process, service_environment

PROGRAM = """
import logging, warnings
import structlog
import creditsvc.settings

ours = structlog.get_logger("ours")

def fail(secret):
    raise ValueError("no such luck")

with structlog.contextvars.bound_contextvars(correlation_id="corr-1"):
    ours.info("first\\nand still first", amount=5)
    logging.getLogger("theirs").warning("second %s", "of theirs")
warnings.warn("third", stacklevel=1)
try:
    fail("hunter2")
except ValueError:
    ours.exception("fourth")
ours.debug("too quiet")
"""
MERCHANT = "5d1b4b4e-6f0f-4f57-8d2a-0c9a6a3f7c11"
SECRETS = {
    "secret_key": "the-key-that-django-signs-with-0123456789",
    "client_jwt_secret": "the-key-of-clients-tokens-0123456789-abc",
    "internal_jwt_secret": "the-key-of-services-tokens-0123456789-ab",
    "notify_webhook_secret": "the-key-that-webhooks-are-signed-with-01",
}


def printed(form: str) -> str:
    """What PROGRAM prints."""
    environment = service_environment(
        database_url="sqlite://:memory:", broker_url="memory://", logging_format=form, logging_level="INFO"
    )
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout == ""
    return ended.stderr


def lines_of(process: Process) -> list[dict[str, Any]]:
    """A process's whole log. Fails where a line of it is not JSON."""
    return [json.loads(line) for line in process.log().splitlines()]


def send(broker_url: str, *, queue: str, body: str, headers: dict[str, Any]) -> None:
    """Put a body into a queue of the embedded broker."""
    with closing(Connection(broker_url)) as connection:
        connection.Producer(auto_declare=False).publish(
            body,
            exchange="",
            routing_key=queue,
            headers=headers,
            content_type="application/json",
            content_encoding="utf-8",
        )


def task(name: str, **headers: str) -> dict[str, Any]:
    """The headers of a task's message."""
    return {"lang": "py", "task": name, "id": headers["correlation_id"], "root_id": None, **headers}


@pytest.mark.slow
def test_as_json_every_event_is_one_line_that_parses() -> None:
    ours, theirs, warning, failure = [json.loads(line) for line in printed("json").splitlines()]

    assert (ours["event"], ours["amount"], ours["logger"]) == ("first\nand still first", 5, "ours")
    assert (theirs["event"], theirs["level"]) == ("second of theirs", "warning")
    assert ours["correlation_id"] == theirs["correlation_id"] == "corr-1"
    assert "third" in warning["event"]
    assert "correlation_id" not in failure
    assert failure["exception"].endswith("ValueError: no such luck")
    assert all(line["timestamp"].endswith("Z") for line in (ours, theirs, warning, failure))


def test_for_a_console_the_same_is_plain_text() -> None:
    text = printed("console")

    assert "amount=5" in text
    assert "correlation_id=corr-1" in text
    assert "second of theirs" in text
    assert "ValueError: no such luck" in text
    assert "too quiet" not in text
    assert "\x1b" not in text


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_values(form: str) -> None:
    assert "hunter2" not in printed(form).replace('fail("hunter2")', "")


@pytest.mark.slow
def test_a_workers_whole_log_is_json_tells_each_message_by_its_correlation_id_and_no_secret(
    embedded: dict[str, str], run_process: RunProcess
) -> None:
    broker_url = embedded["BROKER_URL"]
    environment = {
        **embedded,
        **{name.upper(): secret for name, secret in SECRETS.items()},
        "LOGGING_LEVEL": "DEBUG",
        "NOTIFY_WEBHOOK_URL": "http://127.0.0.1:9/hook",
        "RESULT_BACKEND_URL": "redis://:password-of-the-results@127.0.0.1:9/0",
    }
    declared = run_process("manage.py", "declare_topology", environment=environment)
    assert declared.wait() == 0
    worker = run_process(
        *commands()["grants"], "-Q", "credits.grants,credits.consume,credits.notifications", environment=environment
    )
    worker.wait_for_log(r"ready\.")
    fields = {
        "merchant_id": MERCHANT,
        "platform_name": "custom",
        "platform_shop_id": "1",
        "shop_domain": "a.example.com",
    }
    bought = {"merchant_id": MERCHANT, "credits": 5, "purchase_id": "order-1"}
    used = {"merchant_id": MERCHANT, "amount": 5, "reference_type": "export", "reference_id": "1"}

    for name, body in [
        ("credits.open_account", json.dumps([[], fields, {}])),
        ("credits.purchase", json.dumps([[], bought, {}])),
        ("credits.grant", "no JSON at all"),
        ("credits.consume_match", json.dumps([["hunter2"], {"unknown": "hunter2"}, {}])),
        ("credits.nothing_like_it", json.dumps([[], bought, {}])),
    ]:
        send(broker_url, queue="credits.grants", body=body, headers=task(name, correlation_id=f"of {name}"))
    worker.wait_for_log(r"request posted.*order-1|order-1.*request posted")
    send(
        broker_url,
        queue="credits.consume",
        body=json.dumps([[], used, {}]),
        headers=task("credits.consume", correlation_id="of credits.consume"),
    )
    worker.wait_for_log("notifier failed")
    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    lines = lines_of(worker)
    told = {(line["event"], line.get("correlation_id")) for line in lines}
    assert told >= {
        ("request posted", "of credits.open_account"),
        ("request posted", "of credits.purchase"),
        ("message parked", "of credits.consume_match"),
        ("message parked", "of credits.nothing_like_it"),
        ("message parked", "of credits.grant"),
        ("request posted", "of credits.consume"),
        ("event published", "of credits.consume"),
        ("notifier failed", "of credits.consume"),
    }
    assert "debug" in {line["level"] for line in lines}
    log = worker.log()
    assert [secret for secret in [*SECRETS.values(), "password-of-the-results", "hunter2"] if secret in log] == []


@pytest.mark.slow
def test_a_worker_that_finds_no_broker_never_tells_its_password(
    own_database: str, run_process: RunProcess, tmp_path: Path
) -> None:
    environment = service_environment(
        database_url=own_database,
        broker_url="amqp://credits:password-of-the-broker@127.0.0.1:9//",
        result_backend_url="redis://:password-of-the-results@127.0.0.1:9/0",
        var_dir=str(tmp_path / "var"),
        logging_level="DEBUG",
    )
    command = [part for part in commands()["grants"] if part != "--quiet"]

    worker = run_process(*command, environment=environment)

    worker.wait_for_log("Cannot connect to amqp://credits:\\*\\*@127.0.0.1:9//")
    assert ".> results:     redis://:**@127.0.0.1:9/0" in worker.log()
    assert "password-of-the" not in worker.log()


@pytest.mark.slow
def test_beats_whole_log_is_json(embedded: dict[str, str], run_process: RunProcess) -> None:
    beat = run_process(*commands()["beat"], environment=embedded)
    beat.wait_for_log("beat is starting")

    beat.signal(signal.SIGTERM)

    assert beat.wait() == 0
    assert lines_of(beat)[0]["event"] == "beat is starting"
