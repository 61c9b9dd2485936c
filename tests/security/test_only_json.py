"""Only JSON is accepted anywhere: a pickle never runs, whichever way it comes in."""

import base64
import json
import os
import pickle
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Exchange
from kombu.exceptions import DecodeError
from redis import Redis

from creditsvc.celery import app
from tests.e2e.producer import new_id, opening
from tests.e2e.service import Service, running
from tests.processes import eventually, service_environment
from tests.security.conftest import Parked

QUEUES = (
    "credits.grants", "credits.consume", "credits.notifications", "credits.inbound", "credits.inbound.matches",
    "credits.dead",
)  # fmt: skip
CONTENT_TYPES = (
    "application/x-python-serialize", "application/x-yaml", "application/x-msgpack", "application/data", "text/plain",
    "",
)  # fmt: skip


class Creates:
    """A pickle that leaves a file where it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.file}",)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """The file that would be there if anything had loaded the pickle."""
    return tmp_path / "loaded"


@pytest.fixture(scope="module", params=["rabbitmq", "redis", "embedded"])
def shared_service(
    request: pytest.FixtureRequest, owner_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service of every worker on each broker, with results in the same broker's neighbourhood."""
    name, folder = request.param, tmp_path_factory.mktemp("service")
    with broker(name, request, folder) as broker_url:
        environment = service_environment(
            database_url=owner_url,
            broker_url=broker_url,
            result_backend_url=f"db+sqlite:///{folder}/results.sqlite3",
            var_dir=str(folder / "var"),
        )
        service = Service(broker=name, environment=environment, folder=folder)
        with running(service, "grants", "consume", "notifications"):
            yield service


@contextmanager
def broker(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of a broker for as long as its service runs."""
    if name == "rabbitmq":
        yield request.getfixturevalue("host").url
    elif name == "embedded":
        yield f"sqla+sqlite:///{folder}/broker.sqlite3"
    else:
        url = request.getfixturevalue("redis_database")
        with Redis.from_url(url) as client:
            client.flushdb()
            yield url
            client.flushdb()


def send(
    broker_url: str, body: bytes, *, content_type: str, routing_key: str, exchange: str = "", **headers: Any
) -> None:
    with closing(Connection(broker_url)) as connection:
        connection.Producer(auto_declare=False).publish(
            body,
            exchange=exchange,
            routing_key=routing_key,
            content_type=content_type,
            content_encoding="binary",
            headers=headers,
        )


@pytest.mark.servers
@pytest.mark.slow
def test_what_is_not_json_is_parked_whatever_queue_it_comes_by_and_is_never_loaded(
    service: Service, parked: Parked, trap: Path
) -> None:
    payload = pickle.dumps([[], {"merchant_id": Creates(trap)}, {}])
    queues = QUEUES if service.broker == "rabbitmq" else QUEUES[:5]
    sent = []
    for queue in queues:
        for content_type in CONTENT_TYPES:
            sent.append(new_id())
            headers = {"task": "credits.purchase", "id": sent[-1], "lang": "py"}
            send(
                service.broker_url, payload + sent[-1].encode(), content_type=content_type, routing_key=queue, **headers
            )

    rows = eventually(lambda: len(found := parked()) >= len(sent) and list(found))

    assert {row.reason for row in rows} <= {
        "not_json",
        "not_a_task",
        "unknown_task",
        "invalid_field",
        "undeliverable",
    }
    kept = "".join(base64.b64decode(row.body).decode("latin-1") for row in rows if row.body_encoding == "base64")
    assert [id_ for id_ in sent if id_ not in kept] == []
    assert not trap.exists()
    still_works(service)


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.parametrize("shared_service", ["rabbitmq", "redis"], indirect=True)
def test_what_is_not_json_moves_no_worker_by_way_of_its_control(service: Service, trap: Path) -> None:
    command = {"method": "shutdown", "arguments": {"a": Creates(trap)}, "destination": None}
    with closing(Connection(service.broker_url)) as connection:
        control = Exchange("celery.pidbox", type="fanout", durable=False)
        events = Exchange("celeryev", type="topic", durable=True)
        for exchange, key in ((control, ""), (events, "worker.heartbeat")):
            for content_type in CONTENT_TYPES:
                connection.Producer(auto_declare=False).publish(
                    pickle.dumps(command),
                    exchange=exchange.name if service.broker == "rabbitmq" else exchange,
                    routing_key=key,
                    content_type=content_type,
                    content_encoding="binary",
                    declare=[] if service.broker == "rabbitmq" else [exchange],
                )

    still_works(service)
    assert not trap.exists()
    assert [name for name, process in service.processes.items() if process.exit_code is not None] == []


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.parametrize("shared_service", ["rabbitmq"], indirect=True)
def test_workers_still_answer_on_their_control_after_it(service: Service, trap: Path) -> None:
    send(
        service.broker_url,
        pickle.dumps({"method": "ping", "arguments": {"a": Creates(trap)}}),
        content_type="application/x-python-serialize",
        exchange="celery.pidbox",
        routing_key="",
    )

    with Celery(broker=service.broker_url, set_as_current=False) as asking:
        answered = eventually(lambda: len(asking.control.ping(timeout=2.0)) == 3)

    assert answered
    assert not trap.exists()


def still_works(service: Service) -> None:
    """The service opens an account."""
    merchant, id_ = new_id(), str(uuid.uuid4())
    body = json.dumps([[], opening(merchant), {}]).encode()
    headers = {"task": "credits.open_account", "id": id_, "root_id": id_, "lang": "py"}
    with closing(Connection(service.broker_url)) as connection:
        connection.Producer(auto_declare=False).publish(
            body.decode(),
            exchange="",
            routing_key="credits.grants",
            content_type="application/json",
            content_encoding="utf-8",
            headers=headers,
        )
    eventually(lambda: service.books.balance(merchant) == 0)


def test_a_result_that_is_not_json_is_not_loaded(trap: Path) -> None:
    backend = app.backend
    stored = pickle.dumps({"status": "SUCCESS", "result": Creates(trap), "task_id": "x"})

    for serializer in ("pickle", "yaml", "msgpack"):
        assert not set(backend.accept) & {serializer, "application/x-python-serialize"}
    with pytest.raises(DecodeError):
        backend.decode(stored)
    assert not trap.exists()


def test_nothing_is_sent_or_taken_but_json() -> None:
    conf = app.conf

    assert set(conf.accept_content) == {"json"}
    assert set(conf.result_accept_content or conf.accept_content) == {"json"}
    assert {conf.task_serializer, conf.result_serializer, conf.event_serializer} == {"json"}
    assert set(app.control.mailbox.accept) == {"json"}
    assert app.control.mailbox.serializer == "json"
    with ExitStack() as stack:
        connection = stack.enter_context(app.connection_for_read())
        assert set(app.events.Receiver(connection).accept) <= {"json", "application/json"}
