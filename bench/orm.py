"""The ORM's drain: Celery's workers with one ORM transaction a message empty a backlog of the same messages."""

from collections.abc import Iterable

from celery import Celery

from bench.backlog import Kwargs, fill
from bench.books import Books
from bench.drain import stop
from bench.noop import is_idle
from bench.queues import Queues
from bench.stand import Stand
from bench.window import Window, watch
from tests.processes import eventually

QUEUE, EXCHANGE = "bench.orm", "bench"
# Not imported from the reference itself: that sets Django up, which is for the worker to do.
TASK = "bench.orm"


def drain_orm(stand: Stand, calls: Iterable[Kwargs], *, processes: int) -> Window:
    """Queue the calls, start the reference's worker, measure, stop it. Raises Wrong where the books aren't right."""
    command = ("celery", "-A", "bench.reference.orm", "worker", "--pool", "prefork", "--concurrency", str(processes))
    options = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
    with stand.database() as database_url, stand.virtual_host() as host:
        environment = stand.environment(database_url=database_url, broker_url=host.url)
        with Queues(host.url) as queues, Books(database_url) as books:
            queues.declare_quorum(QUEUE, exchange=EXCHANGE)
            sent = fill(host.url, exchange=EXCHANGE, task=TASK, calls=calls)
            with stand.running((*command, *options), environment=environment) as workers:
                window = watch(books.progress, total=sent)
                with Celery(broker=host.url) as asking:
                    eventually(lambda: is_idle(asking), what="every message acknowledged")
                stop(workers)
            books.check(sent=sent)
        return window
