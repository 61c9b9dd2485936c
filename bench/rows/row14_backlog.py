"""Row 14: a backlog of 1,000,000 drains with no rise in memory, and purchases don't wait behind it.

1,000,000 `credits.consume_match` over the 1,000 merchants are queued before the Procfile's workers start. Each
process's peak (VmHWM of /proc) once all are applied is held against its peak once the first 10,000 were; the row's
figures are those of the process that has grown most, and each one's are printed. All the while a `credits.purchase`
a second goes to one of the same merchants: from before it is published until another connection sees its row must
take less than 5 seconds, from the first purchase sent after both workers have posted one. Then the books are
checked, by the whole of `manage.py audit` too, whose time is printed.

The listener's queue holds every event: 700,000 of them took RabbitMQ 3.10 0.6 GB of disk and 2.1 GB of memory, and
1.1 GB and 3.1 GB for the moment in which it wrote its log over to segments. Its own alarm is at 40 % of all memory.
"""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack

from bench import letters, memory, merchants, procfile
from bench.books import Books
from bench.drain import SETTLE_SECONDS, check_queues, stop
from bench.feed import fed, feeding
from bench.memory import Memory
from bench.probes import Prober, say_lags
from bench.queues import LISTENER, Queues
from bench.results import say
from bench.row import Pair, Row, Wrong
from bench.stand import Stand
from bench.window import STUCK_AFTER_SECONDS
from tests.processes import Process, eventually

MESSAGES = 1_000_000
FIRST = 10_000
FEEDERS = 2
FILL_WITHIN_SECONDS = 3_600.0
PURCHASE_WITHIN_SECONDS = 5.0
LOOK_SECONDS = 0.1


def turn(stand: Stand, scale: float) -> Pair:
    """Queue, drain, check."""
    count = round(MESSAGES * scale)
    commands = procfile.workers()
    with stand.database() as database_url, stand.virtual_host() as host:
        environment = stand.environment(database_url=database_url, broker_url=host.url)
        stand.run("manage.py", "declare_topology", environment=environment)
        with Queues(host.url) as queues, Books(database_url) as books:
            queues.declare(LISTENER)
            before = books.by_kind()
            sent = fill(stand, environment, count)
            prober = Prober({"purchase": purchase}, database_url=database_url, broker_url=host.url)
            with stand.running(*commands.values(), environment=environment) as workers:
                processes = dict(zip(commands, workers, strict=True))
                prober.start()
                earlier, later = drained(books, prober, processes, total=count)
                prober.stop()
                eventually(books.everything_is_told, what="every event confirmed")
                time.sleep(SETTLE_SECONDS)
                stop(workers)
            sent += prober.sent
            books.check_kinds(sent=before + sent)
            check_queues(queues, host, sent=sent.total())
            audit(stand, environment, sent.total())
    say(f"   peaks after {min(FIRST, count // 2):,} and {count:,}: {memory.table(later, earlier)}")
    check_purchases(prober)
    grown_most = memory.worst(later, earlier)
    return Pair(later[grown_most], earlier[grown_most])


def purchase(number: int) -> letters.Letter:
    """The purchase of a second, for one of the merchants whose matches are drained."""
    return letters.purchase(f"probe-{number}", merchants.merchant_id(number % merchants.COUNT))


def fill(stand: Stand, environment: Mapping[str, str], count: int) -> Counter[str]:
    """Queue the backlog, by several feeders at once; returns what was sent."""
    started = time.monotonic()
    with ExitStack() as running:
        feeders = [
            running.enter_context(
                feeding(
                    stand, "backlog", "--count", count, "--first", first, "--step", FEEDERS, environment=environment
                )
            )
            for first in range(FEEDERS)
        ]
        sent = sum((fed(feeder, within_seconds=FILL_WITHIN_SECONDS).sent for feeder in feeders), Counter[str]())
    seconds = time.monotonic() - started
    say(f"   {sent.total():,} queued in {seconds:,.0f} s: {sent.total() / seconds:,.0f} messages/s")
    return sent


def drained(books: Books, prober: Prober, processes: Mapping[str, Process], *, total: int) -> tuple[Memory, Memory]:
    """Wait until the backlog is applied; the peaks after its first part, and at its end. Raises Wrong where it stands.

    At small scales the first part is half of it.
    """
    earlier: Memory = {}
    started = moved_at = time.monotonic()
    done = 0
    while done < total:
        _, posted = books.progress()
        prober.lags_now()  # raises what has ended it
        before, done = done, posted - prober.sent.total()
        moved_at = time.monotonic() if done != before else moved_at
        if time.monotonic() - moved_at > STUCK_AFTER_SECONDS:
            raise Wrong(f"stuck at {done} of {total}")
        if not earlier and done >= min(FIRST, total // 2):
            earlier = memory.peaks(processes)
        time.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - started
    say(f"   drained in {seconds:,.0f} s from the workers' start: {total / seconds:,.0f} messages/s")
    return earlier, memory.peaks(processes)


def check_purchases(prober: Prober) -> None:
    """Say how long purchases took. Raises Wrong where one took too long, or none was sent meanwhile."""
    lags = prober.lags["purchase"]
    if not lags:
        raise Wrong("the backlog was drained before a purchase could be sent")
    say(f"   purchases, from sending to commit: {say_lags(lags)}")
    if max(lags) > PURCHASE_WITHIN_SECONDS:
        raise Wrong(f"a purchase took {max(lags):.1f} s")


def audit(stand: Stand, environment: Mapping[str, str], rows: int) -> None:
    """Audit the whole books, and say how long that took. Raises AssertionError where they are not right."""
    started = time.monotonic()
    stand.run("manage.py", "audit", environment=environment)
    say(f"   manage.py audit took {time.monotonic() - started:,.0f} s for {rows:,} transactions")


row = Row(
    number="14",
    what="peak memory of a process at the end of a backlog of 1,000,000, the one that grew most; a purchase a second "
    "posted within 5 s all the while",
    against="the same process's peak after the first 10,000",
    unit="MB",
    turn=turn,
    at_most=1.1,
    most_turns=1,
)
