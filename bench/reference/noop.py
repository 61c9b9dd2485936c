"""A Celery application whose one task does nothing: what Celery itself costs a message.

As fast as Celery goes without giving up what the service promises too: no result, no events, no log line a task,
and a prefetch window of 64 a process, which drains faster than Celery's 4 here. Messages are acknowledged late and
wait in a quorum queue of the very arguments of credits.consume; both are persistent and were confirmed.
"""

import os

from celery import Celery
from kombu import Exchange, Queue

from celeryconfig import quorum

QUEUE = Queue("bench.noop", exchange=Exchange("bench"), routing_key="bench.noop", queue_arguments=quorum)

app = Celery("noop", broker=os.environ.get("BROKER_URL"))
app.conf.update(
    task_queues=[QUEUE],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=64,
    broker_connection_retry_on_startup=True,
)


@app.task(name="bench.noop")  # type: ignore[untyped-decorator]
def noop(**_: object) -> None:
    """Nothing."""
