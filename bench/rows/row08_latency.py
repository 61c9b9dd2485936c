"""Row 8: how long a message takes on workers that have time: to its commit, and to its event's arrival elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace

import amqp
import psycopg2

from bench import letters, merchants, pace, procfile
from bench.books import Books
from bench.charts import Chart, draw
from bench.pace import Lags, Listener, Moments
from bench.queues import LISTENER, Queues
from bench.reading import MICROSECONDS
from bench.reference.loop import QUEUE, TABLE
from bench.results import say
from bench.row import Pair, Row
from bench.stand import Stand
from tests.processes import eventually

PER_SECOND = 100.0
SECONDS = 30
JUDGED = (50, 99)  # of them
PERCENTILES = (50, 90, 99, 99.9, 100)
WARM_UP = 100  # messages that find the workers starting, or their first statements unplanned
LOOP = ("python", "-m", "bench.reference.loop")


def turn(stand: Stand, scale: float) -> Pair:
    """The service, then the loop; of both stretches' p50 and p99 the one that exceeds the loop's most."""
    count = max(200, round(PER_SECOND * SECONDS * scale))
    to_commit, to_event = of_service(stand, count)
    loop = of_loop(stand, count)
    lags = {"to commit": to_commit, "to event": to_event, "bare loop, to commit": loop}
    for what, each in lags.items():
        say(f"   {what}: " + ", ".join(f"p{p:g} {each.percentile(p) * 1000:.1f} ms" for p in PERCENTILES))
    pairs = [
        Pair(each.percentile(percent) * MICROSECONDS, loop.percentile(percent) * MICROSECONDS)
        for each in (to_commit, to_event)
        for percent in JUDGED
    ]
    picture = draw(f"From publishing, at {PER_SECOND:g} messages a second", [chart(lags)])
    return replace(max(pairs, key=lambda pair: pair.ratio), pictures={"LATENCY.svg": picture})


def chart(lags: Mapping[str, Lags]) -> Chart:
    """Each stretch's percentiles, in ms."""
    lines = {what: [each.percentile(percent) * 1000 for percent in PERCENTILES] for what, each in lags.items()}
    return Chart("percentile", "ms", [f"{percent:g}" for percent in PERCENTILES], lines)


def of_service(stand: Stand, count: int) -> tuple[Lags, Lags]:
    """From publishing to commit, and to the event in a listener's hands; the Procfile's workers."""
    with stand.database() as database_url, stand.virtual_host() as host:
        environment = stand.environment(database_url=database_url, broker_url=host.url)
        stand.run("manage.py", "declare_topology", environment=environment)
        with Queues(host.url) as queues:
            queues.declare(LISTENER)
        listener = Listener(host.url, LISTENER)
        listener.start()
        with stand.running(*procfile.workers().values(), environment=environment), Books(database_url) as books:
            send(host.url, "warm", WARM_UP, routing_key="credits.consume_match", exchange=letters.COMMANDS)
            eventually(lambda: len(listener.received) == WARM_UP, what="the first events")
            left = send(host.url, "paced", count, routing_key="credits.consume_match", exchange=letters.COMMANDS)
            eventually(lambda: len(listener.received) == WARM_UP + count, what="every event")
            eventually(books.everything_is_told, what="every event confirmed")
            books.check(sent=WARM_UP + count)
        listener.stop()
        commits = pace.committed(database_url, "credit_transactions")
        stand.run("manage.py", "audit", environment=environment)
    return pace.lags(left, commits), pace.lags(left, listener.received)


def of_loop(stand: Stand, count: int) -> Lags:
    """From publishing to commit, the bare loop."""
    with stand.empty_database() as database_url, stand.virtual_host() as host:
        with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(TABLE)
        with Queues(host.url) as queues:
            queues.declare(QUEUE)
        environment = stand.environment(database_url=database_url, broker_url=host.url)
        with stand.running(LOOP, environment=environment):
            send(host.url, "warm", WARM_UP, routing_key=QUEUE.routing_key, exchange=QUEUE.exchange.name)
            eventually(lambda: len(pace.committed(database_url, "bench_loop")) == WARM_UP, what="the first rows")
            left = send(host.url, "paced", count, routing_key=QUEUE.routing_key, exchange=QUEUE.exchange.name)
            eventually(lambda: left.keys() <= pace.committed(database_url, "bench_loop").keys(), what="every row")
        return pace.lags(left, pace.committed(database_url, "bench_loop"))


def send(broker_url: str, name: str, count: int, *, routing_key: str, exchange: str) -> Moments:
    """Publish so many matches at the row's pace; when each left."""
    return pace.publish(
        broker_url, matches(name, count), exchange=exchange, routing_key=routing_key, per_second=PER_SECOND
    )


def matches(name: str, count: int) -> Iterator[tuple[str, amqp.Message]]:
    """Matches of the merchants in turn, each with its reference."""
    for number in range(count):
        reference = f"{name}-{number}"
        yield reference, letters.match(reference, merchants.merchant_id(number % merchants.COUNT)).message


row = Row(
    number="8",
    what="at 100 messages/s, of p50 and p99 from publishing to commit, and to the event in a listener's hands, the one "
    "that is furthest from the loop's",
    against="the same percentile of a bare loop to commit: kombu consumes, psycopg2 inserts one row",
    unit="µs",
    turn=turn,
    at_most=2,
)
