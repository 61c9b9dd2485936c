"""The drain: the service's own workers empty a backlog that was queued first; then the books are checked."""

import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench import procfile
from bench.backlog import Kwargs, fill
from bench.books import Books
from bench.meter import Meter
from bench.queues import LISTENER, Queues
from bench.results import say
from bench.row import Wrong
from bench.stand import TEMPLATE, Stand
from bench.window import Moment, Window, watch
from tests.processes import Process, eventually
from tests.servers.management import VirtualHost

TASK = "credits.consume_match"
EXCHANGE = "credits.commands"
SETTLE_SECONDS = 1.0  # a batch is acknowledged right after its events are confirmed


@dataclass(frozen=True, slots=True)
class Drained:
    """What was applied in the window, and how many events the broker confirmed in the same window."""

    applied: Window
    told: Window


def drain(
    stand: Stand,
    calls: Iterable[Kwargs],
    *,
    task: str = TASK,
    applied_per_call: int = 1,
    template: str = TEMPLATE,
    meter: Meter | None = None,
) -> Drained:
    """Queue the calls, start the Procfile's workers, measure, stop them.

    Raises Wrong where the books aren't right.
    A durable queue listens to the events, as other services' do: each event is routed and stored, not dropped. As
    theirs it is kept short: RabbitMQ's work for a message grows with what lies in its queues (docs/performance.md).
    """
    commands = procfile.workers()
    with stand.database(template=template) as database_url, stand.virtual_host() as host:
        environment = stand.environment(database_url=database_url, broker_url=host.url)
        stand.run("manage.py", "declare_topology", environment=environment)
        with Queues(host.url) as queues, Books(database_url) as books:
            queues.declare(LISTENER)

            def progress() -> tuple[Moment, int]:
                queues.hear()
                return books.progress()

            sent = applied_per_call * fill(host.url, exchange=EXCHANGE, task=task, calls=calls)
            with stand.running(*commands.values(), environment=environment) as started:
                if meter:
                    meter.follow(dict(zip(commands, (process.pid for process in started), strict=True)))
                applied = watch(progress, total=sent, meter=meter)
                eventually(books.everything_is_told, what="every event confirmed")
                time.sleep(SETTLE_SECONDS)
                stop(started)
            books.check(sent=sent)
            check_queues(queues, host, sent=sent)
            stand.run("manage.py", "audit", environment=environment)
            return Drained(applied, books.told(applied))


def stop(processes: Sequence[Process]) -> None:
    """Stop processes as a process manager does. Raises Wrong where one does not end well."""
    for process in processes:
        process.signal(signal.SIGTERM)
    for process in processes:
        if code := process.wait():
            raise Wrong(f"{' '.join(process.command)} ended with {code}:\n{process.log_tail()}")


def check_queues(queues: Queues, host: VirtualHost, *, sent: int) -> None:
    """Raise Wrong unless the listener got an event per message, and no other queue holds anything.

    An event may come again, for at least once is the promise: that is said. Whether each was told once is the books'
    to say (Books.everything_is_told).
    """
    held = {name: queues.ready(name) for name in host.messages()}
    told = held.pop(LISTENER.name) + queues.heard
    left_behind = {name: count for name, count in held.items() if count}
    if told < sent or left_behind:
        raise Wrong(f"{sent} sent: {told} events for the listener, left behind: {left_behind}")
    if told > sent:
        say(f"   {told - sent} of {told:,} events came again")
