"""The figures that every process counts, in files of a directory that they share, so that one page shows them all."""

import glob
import os
import socket
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings
from prometheus_client import Counter, Histogram, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector

from ledger.outcomes import Outcome, ParkReason
from ledger.requests import Request


def process_identifier() -> str:
    """A name for this process that is its own among all hosts and containers that share the directory."""
    host = socket.gethostname().replace("_", "-")  # the library splits the files' names at underscores
    return f"{host}-{os.getpid()}"


# The library would choose its one-process store at import unless its variable happened to be set before. Chosen here,
# before the first metric is made, the store does not depend on who imports what first.
Path(settings.METRICS_DIR).mkdir(parents=True, exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.METRICS_DIR)
values.ValueClass = values.MultiProcessValue(process_identifier)  # type: ignore[no-untyped-call]

REQUESTS = Counter(
    "credits_requests", "Requests decided, by what became of them: an outcome's status, or replayed.",
    ["outcome", "command"],
)  # fmt: skip
BATCH_SIZE = Histogram(
    "credits_batch_size", "Requests posted in one batch.", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)
)
POST_SECONDS = Histogram("credits_post_seconds", "Seconds from a batch's start to its commit.")
PUBLISHED = Counter(
    "credits_events_published", "Outbox rows sent to the broker: confirmed, unrouted (nobody bound) or failed.",
    ["result"],
)  # fmt: skip
PARKED = Counter("credits_messages_parked", "Messages parked, by the reason, repeats of one included.", ["reason"])
for _reason in ParkReason:
    PARKED.labels(str(_reason))  # at 0: an alert on what grows would miss a first one that begins at 1


def count_batch(decided: Sequence[tuple[Request, Outcome]], *, seconds: float) -> None:
    """Count one committed batch: requests with their outcomes, and how long posting them took."""
    tally = Tally(
        ("replayed" if outcome.replayed else str(outcome.status), request.command.task) for request, outcome in decided
    )
    for (outcome, command), count in tally.items():
        REQUESTS.labels(outcome, command).inc(count)
    BATCH_SIZE.observe(len(decided))
    POST_SECONDS.observe(seconds)


def count_published(*, confirmed: int, unrouted: int, failed: int) -> None:
    """Count what became of the outbox rows that were sent to the broker at once."""
    for result, count in (("confirmed", confirmed), ("unrouted", unrouted), ("failed", failed)):
        if count:
            PUBLISHED.labels(result).inc(count)


def count_parked(reasons: Iterable[ParkReason]) -> None:
    """Count messages that were parked, one reason each."""
    for reason, count in Tally(reasons).items():
        PARKED.labels(str(reason)).inc(count)


def counted_by_all_processes() -> Iterable[Metric]:
    """The figures of every process that has shared the directory, ended ones included, added up.

    A file still empty is one that a process is just making, or could not fill: it holds no figures yet.
    """
    files = glob.glob(os.path.join(settings.METRICS_DIR, "*.db"))
    filled = [file for file in files if os.path.getsize(file)]
    metrics: Iterable[Metric] = MultiProcessCollector.merge(filled)  # type: ignore[no-untyped-call]
    return metrics
