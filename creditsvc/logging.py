"""Logs: one structured line an event, as JSON or for a console, for our own loggers and the libraries' alike."""

import logging.config
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from pydantic_core import to_json

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


class Formatter(structlog.stdlib.ProcessorFormatter):
    """structlog's; but a record whose message is a list of lines is as many lines, written by one write.

    The processors add the same to each of them, so they run once: 2 µs a line instead of 25 (docs/performance.md).
    """

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, without the last line's end."""
        if not isinstance(record.msg, list):
            return super().format(record)
        shared: Any = {"_record": record}
        for processor in SHARED_PROCESSORS:
            shared = processor(None, record.levelname.lower(), shared)  # the logger is the record's
        del shared["_record"]
        return "\n".join(self._rendered(record, {**shared, **line}) for line in record.msg)

    def _rendered(self, record: logging.LogRecord, line: Any) -> str:
        for processor in self.processors[1:]:  # the first takes out what a list of lines has not
            line = processor(None, record.levelname.lower(), line)
        return str(line)


class LineRenderer(structlog.processors.JSONRenderer):
    """structlog's, by a faster writer where that writes the same: it leaves what is not ASCII as it is."""

    def __call__(self, logger: Any, name: str, line: MutableMapping[str, Any]) -> str | bytes:
        """The line as JSON."""
        try:
            written = to_json(line)
        except ValueError:
            return super().__call__(logger, name, line)
        return written.decode() if written.isascii() else super().__call__(logger, name, line)


def logging_config(*, level: str, form: str) -> None:
    """Set up structlog and the standard library's logging; form is "json" or "console"."""
    if form == "json":
        renderers: list[Any] = [structlog.processors.format_exc_info, LineRenderer(separators=(",", ":"))]
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
                    "()": Formatter,
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
