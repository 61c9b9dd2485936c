"""Tracing, switched on by OTEL_EXPORTER_OTLP_ENDPOINT: spans of messages, statements and HTTP requests go there.

Whoever is asked nothing pays nothing: without the setting no provider is made, nothing is instrumented, and no
middleware stands in the way.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.psycopg2 import Psycopg2Instrumentor
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from creditsvc.environment import environment
from ledger.events import SOURCE_SERVICE
from tasks import tracing

ENDPOINT = environment.otel_exporter_otlp_endpoint


def switch_on(process: str) -> None:
    """Trace this process where the environment says where to; process is its name among the service's processes.

    To be called once, after any fork: spans are sent by a thread.
    """
    if not ENDPOINT:
        return
    provider = TracerProvider(
        resource=Resource.create({"service.name": SOURCE_SERVICE, "service.instance.id": process})
    )
    exporter = OTLPSpanExporter(endpoint=f"{ENDPOINT.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    Psycopg2Instrumentor().instrument(skip_dep_check=True)
    tracing.switch_on()


class TracingMiddleware:
    """A span for each HTTP request, a child of its caller's. The path is told without its query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with trace.get_tracer(SOURCE_SERVICE).start_as_current_span(
            f"{request.method} {request.path_info}", context=extract(request.headers), kind=SpanKind.SERVER
        ) as span:
            response = self.get_response(request)
            span.set_attribute("http.response.status_code", response.status_code)
        return response
