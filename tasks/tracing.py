"""Tracing: each message's span, a child of its producer's; the batch that carried it out; what was published of it.

Off unless somebody switches it on (creditsvc.tracing), and then nothing here is called for a message. A batch serves
many messages at once, so the statements' spans hang on the batch's, which is linked with every message's.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ledger.journal import Posted
from ledger.journal.outbox import Recorded
from ledger.outcomes import Outcome
from ledger.outcomes import Status as Became
from ledger.requests import Request
from tasks.outgoing import Outgoing

TRACEPARENT = "traceparent"  # W3C Trace Context, as a header of messages
MAX_LINKS = 128  # what the SDK keeps of a span's

_propagator = TraceContextTextMapPropagator()
_switch = {"is_on": False}


def switch_on() -> None:
    """Have messages traced from now on, by the provider that OpenTelemetry has been given."""
    _switch["is_on"] = True


def switch_off() -> None:
    """End it."""
    _switch["is_on"] = False


def is_on() -> bool:
    """Whether messages are traced."""
    return _switch["is_on"]


def posted_in_spans(requests: Sequence[Request], post: Callable[[Sequence[Request]], Posted]) -> Posted:
    """Post requests within their spans; what follows from each carries its span on."""
    spans = [_message_span(request) for request in requests]
    links = [Link(span.get_span_context()) for span in islice(spans, MAX_LINKS)]
    own = [request._replace(traceparent=_written(span)) for request, span in zip(requests, spans, strict=True)]
    try:
        with _tracer().start_as_current_span("post", links=links, attributes={"credits.requests": len(own)}) as batch:
            for span in spans:
                span.add_link(batch.get_span_context())
            posted = post(own)
        for span, outcome in zip(spans, posted.outcomes, strict=True):
            _tell(span, outcome)
    finally:
        for span in spans:
            span.end()
    return posted


def published_in_spans(rows: Sequence[Recorded], messages: Sequence[Outgoing]) -> list[Outgoing]:
    """The messages of outbox rows, each with the header by which its consumer goes on with the trace."""
    return [headed(message, row.traceparent) for row, message in zip(rows, messages, strict=True)]


def headed(message: Outgoing, traceparent: str) -> Outgoing:
    """A message that carries a trace on; its span is the child of the one that traceparent names, if it names one."""
    if not traceparent:
        return message
    with _tracer().start_as_current_span(
        f"publish {message.routing_key}", context=_read({TRACEPARENT: traceparent}), kind=SpanKind.PRODUCER
    ) as span:
        return message._replace(headers={**message.headers, TRACEPARENT: _written(span)})


def trace_id_in(traceparent: str) -> str:
    """The 32 hexadecimal digits of the trace that a header names."""
    return traceparent.split("-")[1]


def _message_span(request: Request) -> Span:
    headers = request.message().headers if request.message else {}
    return _tracer().start_span(
        request.command.task,
        context=_read(headers if isinstance(headers, Mapping) else {}),
        kind=SpanKind.CONSUMER,
        attributes={"messaging.system": "celery", "credits.correlation_id": request.correlation_id},
    )


def _tell(span: Span, outcome: Outcome) -> None:
    """What became of a message: nothing of what its sender wrote but the type of its reference."""
    span.set_attribute("credits.status", str(outcome.status))
    if outcome.reference_type:
        span.set_attribute("credits.reference_type", outcome.reference_type)
    if outcome.status is Became.PARKED:
        span.set_status(Status(StatusCode.ERROR, (outcome.reason or "").partition(":")[0]))


def _read(headers: Mapping[str, object]) -> Context:
    """The context that headers carry; an empty one where they carry none, or a bad one."""
    return _propagator.extract({name: text for name, text in headers.items() if isinstance(text, str)}, Context())


def _written(span: Span) -> str:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier.get(TRACEPARENT, "")


def _tracer() -> trace.Tracer:
    return trace.get_tracer("credit-service")
