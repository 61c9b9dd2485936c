"""The page that Prometheus reads: what every process has counted, and how much is still to be done."""

from collections.abc import Callable, Iterator, Mapping

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ledger.metrics import counted_by_all_processes
from ledger.queries.backlog import COUNTED_UP_TO, Backlog, backlog

logger = structlog.get_logger(__name__)

# By queue, within two seconds; None where the broker is away. Named by settings, since the API knows no broker.
queue_depths: Callable[[], Mapping[str, int] | None] = import_string(settings.QUEUE_DEPTHS)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Every figure there is. Those of the workers are here also while the database or the broker is away."""
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)


class Counted(Collector):
    """What the processes have counted, added up."""

    def collect(self) -> Iterator[Metric]:
        yield from counted_by_all_processes()


class Held(Collector):
    """What the database and the broker hold at this moment."""

    def collect(self) -> Iterator[Metric]:
        found = _backlog()
        yield _gauge("credits_database_up", "1 where the database answered this scrape.", float(found is not None))
        if found is not None:
            yield from _backlog_gauges(found)
        depths = queue_depths()
        yield _gauge("credits_broker_up", "1 where the broker answered this scrape.", float(depths is not None))
        yield _gauges("credits_queue_depth", "Messages ready in a queue.", "queue", depths or {})


def _backlog() -> Backlog | None:
    try:
        return backlog()
    except Error as error:
        logger.warning("database_away", error=str(error).strip())
        return None


def _backlog_gauges(found: Backlog) -> Iterator[Metric]:
    capped = f"counted up to {COUNTED_UP_TO}."
    outbox = found.unpublished
    yield _gauge("credits_waiting", f"Commands that wait for their account or their time, {capped}", found.waiting)
    yield _gauges("credits_parked", f"Parked messages by state, {capped}", "state", found.parked)
    yield _gauge("credits_outbox_unpublished", f"Outbox rows not yet published, {capped}", outbox.count)
    yield _gauge("credits_outbox_age_seconds", "Age of the oldest unpublished outbox row.", outbox.oldest_seconds)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


_registry = CollectorRegistry()
_registry.register(Counted())
_registry.register(Held())
