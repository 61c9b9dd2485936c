"""Logs: one structured line an event, as JSON or for a console, for our own loggers and the libraries' alike."""

import logging.config
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace

from creditsvc.environment import environment
from ledger.management.terminal import harmless


def add_trace(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the ids of the present span into a log line."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        line["trace_id"], line["span_id"] = f"{span.trace_id:032x}", f"{span.span_id:016x}"
    return line


def on_a_console(_: Any, __: str, rendered: str) -> str:
    """A rendered line that can neither steer a terminal nor look like two: only its first line stands at the margin."""
    first, *others = rendered.split("\n")
    return "\n".join([harmless(first), *(f"    {harmless(other)}" for other in others)])


SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    *([add_trace] if environment.otel_exporter_otlp_endpoint else []),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def logging_config(*, level: str, form: str) -> None:
    """Set up structlog and the standard library's logging; form is "json" or "console"."""
    if form == "json":
        renderers: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # Plain tracebacks: the pretty ones print local variables, secrets among them.
        plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        renderers = [plain, on_a_console]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(True)  # noqa: FBT003  (the library's own signature)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": SHARED_PROCESSORS,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            # Celery's own lines of every task repeat its arguments, which may be personal; ours tell what became of it.
            "loggers": {
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.pool": {"level": "WARNING"},
                # HTTP requests and their failures have lines of our own too (api/correlation.py).
                "django.request": {"level": "CRITICAL"},
                "celery.beat": {"level": "WARNING"},
            },
            "root": {"handlers": ["stderr"], "level": level},
        }
    )
