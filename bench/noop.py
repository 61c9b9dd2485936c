"""Celery's own drain: workers whose task does nothing empty a backlog of the same messages in the same queue type."""

import time
from collections.abc import Iterable

from celery import Celery

from bench.backlog import Kwargs, fill
from bench.drain import stop
from bench.meter import Meter
from bench.queues import Queues
from bench.reference.noop import QUEUE, noop
from bench.row import Wrong
from bench.stand import Stand
from bench.window import Window, watch
from tests.processes import eventually

PROCESSES = 2
WORKER = (
    *("celery", "-A", "bench.reference.noop", "worker", "--pool", "prefork", "--concurrency", str(PROCESSES)),
    *("--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
)


def drain_noop(stand: Stand, calls: Iterable[Kwargs], *, meter: Meter | None = None) -> Window:
    """Queue the calls, start the reference's worker, measure, stop it. Raises Wrong where a message is left."""
    with stand.virtual_host() as host, Queues(host.url) as queues:
        queues.declare(QUEUE)
        sent = fill(host.url, exchange=QUEUE.exchange.name, task=noop.name, calls=calls)
        # Nothing of the service: where this names Django's settings, Celery does Django's chores around every task.
        environment = stand.environment(database_url="sqlite://:memory:", broker_url=host.url)
        del environment["DJANGO_SETTINGS_MODULE"]
        with stand.running(WORKER, environment=environment) as workers:
            if meter:
                meter.follow({"Celery": workers[0].pid})
            window = watch(lambda: (time.monotonic(), sent - queues.ready(QUEUE.name)), total=sent, meter=meter)
            with Celery(broker=host.url) as asking:
                eventually(lambda: is_idle(asking), what="every message carried out")
            stop(workers)
        if left := queues.ready(QUEUE.name):
            raise Wrong(f"{sent} sent, {left} left in the queue")
        return window


def is_idle(asking: Celery) -> bool:
    """Whether the worker answers that it holds no message: told to stop earlier, it would give some back."""
    asked = asking.control.inspect()
    answers = [asked.reserved(), asked.active()]
    return all(answers) and not any(held for answer in answers for held in answer.values())
