"""Tracing in one process: the spans of messages and batches, and the events that carry them on."""

import json
from collections.abc import Iterator

import pytest
from celery import current_app
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ledger.commands import Command
from ledger.journal import post
from ledger.journal.outbox import lease_unpublished
from ledger.journal.post import Posted, post_batch
from ledger.journal.surely import post_surely
from ledger.models import Account, OutboxBatch, OutboxRow
from ledger.requests import Request
from ledger.rules.batch import Waiting
from tasks import tracing
from tasks.outgoing import outgoing
from tests.ledger.builders import consume, consume_match, open_account, opened_account, purchase, request, requests
from tests.ledger.stored import task_message

pytestmark = pytest.mark.django_db

SENDER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = int(SENDER.split("-")[1], 16)
_exported = InMemorySpanExporter()


@pytest.fixture(autouse=True)
def spans() -> Iterator[InMemorySpanExporter]:
    """What was traced; OpenTelemetry takes one provider a process."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(_exported))
        trace.set_tracer_provider(provider)
    _exported.clear()
    tracing.switch_on()
    yield _exported
    tracing.switch_off()


def sent(command: Command, *, correlation_id: str, traceparent: object = SENDER) -> Request:
    headers = {} if traceparent is None else {"traceparent": traceparent}
    return request(command, correlation_id=correlation_id, message=lambda: task_message(command, **headers))


def posted(*batch: Request) -> Posted:
    return tracing.posted_in_spans(batch, lambda own: post_surely([Waiting(one) for one in own], pause=lambda _: False))


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = (span for span in spans.get_finished_spans() if span.name == name)
    return span


def test_a_messages_span_is_its_senders_child_and_its_events_go_on_from_it(spans: InMemorySpanExporter) -> None:
    account = opened_account(credits_bought=5)
    OutboxRow.objects.all().delete()

    posted(sent(consume(merchant_id=account.merchant_id, amount=1), correlation_id="c-1"))

    own = named(spans, "credits.consume")
    assert own.context.trace_id == TRACE_ID
    assert own.parent is not None
    assert own.parent.span_id == int(SENDER.split("-")[2], 16)
    assert own.attributes is not None
    assert (own.attributes["credits.status"], own.attributes["credits.reference_type"]) == ("posted", "export")
    for row in OutboxRow.objects.all():
        assert row.traceparent == f"00-{TRACE_ID:032x}-{own.context.span_id:016x}-01"


def test_the_batch_is_linked_with_every_message_and_they_with_it(spans: InMemorySpanExporter) -> None:
    account = opened_account(credits_bought=5)

    posted(*(sent(consume(merchant_id=account.merchant_id), correlation_id=f"c-{n}") for n in range(3)))

    batch = named(spans, "post")
    messages = [span for span in spans.get_finished_spans() if span.name == "credits.consume"]
    assert {link.context.span_id for link in batch.links} == {span.context.span_id for span in messages}
    assert {link.context.span_id for span in messages for link in span.links} == {batch.context.span_id}


def test_nothing_personal_is_in_a_span(spans: InMemorySpanExporter) -> None:
    account = opened_account(credits_bought=5)

    posted(sent(consume_match(merchant_id=account.merchant_id, shopper_id="shopper-7f3a"), correlation_id="c-1"))

    assert "shopper-7f3a" not in "".join(span.to_json() for span in spans.get_finished_spans())


@pytest.mark.parametrize("traceparent", [None, "", "nonsense", 5, "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_a_message_without_a_good_header_begins_a_trace_of_its_own(
    spans: InMemorySpanExporter, traceparent: object
) -> None:
    account = opened_account(credits_bought=5)

    posted(sent(consume(merchant_id=account.merchant_id), correlation_id="c-1", traceparent=traceparent))

    own = named(spans, "credits.consume")
    assert own.parent is None
    assert own.context.trace_id != TRACE_ID


def test_what_waited_for_its_account_goes_on_with_its_senders_trace(spans: InMemorySpanExporter) -> None:
    opening = open_account()
    early = purchase(merchant_id=opening.merchant_id)
    posted(sent(early, correlation_id="c-1"))

    post_batch([Waiting(request(opening))])

    (row,) = OutboxRow.objects.filter(event_type="evt.credits.granted.v1")
    assert row.traceparent == SENDER


def test_an_event_that_the_sweep_publishes_carries_the_trace_on(spans: InMemorySpanExporter) -> None:
    account = opened_account(credits_bought=500)
    OutboxRow.objects.all().delete()
    posted(sent(consume(merchant_id=account.merchant_id), correlation_id="c-1"))
    OutboxBatch.objects.update(publish_after="2020-01-01T00:00:00Z")
    rows = lease_unpublished(limit=10)

    (message,) = tracing.published_in_spans(rows, [outgoing(current_app, row) for row in rows])

    publishing = named(spans, "publish evt.credits.consumed.v1")
    assert publishing.context.trace_id == TRACE_ID
    assert message.headers["traceparent"] == f"00-{TRACE_ID:032x}-{publishing.context.span_id:016x}-01"


def test_switched_off_nothing_is_traced_and_nothing_is_carried_on(spans: InMemorySpanExporter) -> None:
    tracing.switch_off()
    account = opened_account()
    wanted = consume(merchant_id=account.merchant_id)

    post([sent(wanted, correlation_id="c-1")])

    assert not tracing.is_on()
    assert spans.get_finished_spans() == ()
    assert set(OutboxRow.objects.values_list("traceparent", flat=True)) == {""}
    assert Account.objects.get(merchant_id=account.merchant_id).balance == 0
    assert "traceparent" not in json.dumps([row.body for row in OutboxRow.objects.all()])


def test_requests_of_our_own_have_spans_too(spans: InMemorySpanExporter) -> None:
    account = opened_account(credits_bought=5)

    posted(*requests(consume(merchant_id=account.merchant_id)))

    assert named(spans, "credits.consume").parent is None
