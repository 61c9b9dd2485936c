"""Tracing across processes: producer, broker, worker, statements, broker, consumer; and an HTTP read."""

import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Consumer, Exchange, Queue

from tests.confirms import confirmed
from tests.e2e.collector import Collector, collecting
from tests.e2e.producer import match, new_id, opening
from tests.e2e.service import Service, running
from tests.processes import eventually, service_environment
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers

EVENTS = Exchange("credits.events", type="topic", durable=True)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def service(own_database: str, rabbitmq_admin: VirtualHost, collector: Collector, tmp_path: Path) -> Iterator[Service]:
    """A worker for everything, that traces."""
    environment = service_environment(
        database_url=own_database, broker_url=rabbitmq_admin.url, otel_exporter_otlp_endpoint=collector.url
    )
    environment["OTEL_BSP_SCHEDULE_DELAY"] = "100"
    with running(Service(broker="rabbitmq", environment=environment, folder=tmp_path), "grants", "consume") as service:
        yield service


def send(service: Service, task: str, fields: dict[str, Any], *, traceparent: str) -> None:
    """Publish a command from within a span of another team's."""
    headers = {"lang": "js", "task": task, "id": new_id(), "root_id": new_id(), "traceparent": traceparent}
    with confirmed(service.broker_url) as publish:
        publish(
            json.dumps([[], fields, {}]),
            exchange="credits.commands",
            routing_key=task,
            headers=headers,
            content_type="application/json",
            content_encoding="utf-8",
        )


def test_one_trace_leads_from_the_producers_span_to_the_events_consumer(service: Service, collector: Collector) -> None:
    trace_id, span_id, merchant = secrets.token_hex(16), secrets.token_hex(8), new_id()
    heard: list[Any] = []
    with closing(Connection(service.broker_url)) as connection:
        queue = Queue(f"listener {merchant}", exchange=EVENTS, routing_key="evt.credits.insufficient.v1", durable=False)
        with Consumer(connection, queues=[queue], on_message=heard.append, accept=["json"], no_ack=True):
            send(
                service,
                "credits.open_account",
                opening(merchant),
                traceparent=f"00-{secrets.token_hex(16)}-{span_id}-01",
            )
            eventually(lambda: service.books.account(merchant), what="the account")
            send(service, "credits.consume_match", match(merchant), traceparent=f"00-{trace_id}-{span_id}-01")
            eventually(lambda: connection.drain_events(timeout=5) or heard, what="the event")
        eventually(lambda: collector.named("publish evt.credits.insufficient.v1"), what="the publishing's span")
        eventually(lambda: collector.named("post"), what="the batch's span")

    (task,) = [span for span in collector.of(trace_id) if span.name == "credits.consume_match"]
    (publishing,) = [span for span in collector.of(trace_id) if span.name.startswith("publish ")]
    assert task.parent_span_id.hex() == span_id
    assert publishing.parent_span_id == task.span_id
    assert heard[0].headers["traceparent"] == f"00-{trace_id}-{publishing.span_id.hex()}-01"
    (batch,) = [span for span in collector.named("post") if span.span_id in {link.span_id for link in task.links}]
    assert task.span_id in {link.span_id for link in batch.links}
    statements = [span.name for span in collector.spans if span.parent_span_id == batch.span_id]
    assert {"SELECT", "INSERT", "UPDATE"} <= {name.split()[0] for name in statements}


def test_the_line_that_tells_what_became_of_a_message_names_its_trace(service: Service) -> None:
    trace_id, merchant = secrets.token_hex(16), new_id()

    send(service, "credits.open_account", opening(merchant), traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01")

    line = service.processes["grants"].wait_for_log(f".*request posted.*{merchant}.*")
    assert trace_id in line[0]
