"""Tracing: the header by which the credit service goes on with the sender's trace, where the sender has one."""

try:
    from opentelemetry.propagate import inject
except ImportError:  # nothing is asked of those who do not trace
    inject = None  # type: ignore[assignment]


def trace_headers() -> dict[str, str]:
    """W3C traceparent and tracestate of the present span; none without OpenTelemetry, or outside any span."""
    if inject is None:
        return {}
    headers: dict[str, str] = {}
    inject(headers)
    return headers
