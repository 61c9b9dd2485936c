"""Row steady: 20 minutes at 80 % of the peak, with flat memory, outbox and lag.

First the peak is measured: for 30 seconds a feeder keeps 20,000 messages ahead of what the Procfile's workers have
decided. So it is the most that this machine does of this mix while it also carries the feeder, as it must later; a
drain of what was queued beforehand, as in row 1, pays for no publishing and is faster. Once that is drained, the
feeder, a process of its own, sends 80 % of the peak for 20 minutes, evenly and confirmed: matches as tasks and as
plain events, purchases as both, and matches of merchants who have no credits (bench.letters.SHARES).

A probe a second goes each way in, and one takes a merchant below the threshold, so that its alert passes through
credits.notifications: a lag is from before publishing until another connection sees the row, or until the alert is
in a listener's queue. Every few seconds a sample is taken: memory (VmRSS) of each process, outbox rows still to be
told, messages in each queue, longest lags. The row's figures are the memory of the process that has grown most, median
of the last tenth of the samples against that of the second tenth. What grew is no result but an error: memory by more
than 10 %, or a lag, a queue or the outbox, last tenth against first, to more than double and a little.
"""

import time
from collections import Counter
from collections.abc import Mapping
from functools import partial

from bench import letters, merchants, procfile
from bench.backlog import fill
from bench.books import Books
from bench.drain import EXCHANGE, SETTLE_SECONDS, check_queues, stop
from bench.feed import fed, feeding
from bench.feeder import Fed
from bench.letters import POSTED_PURCHASE, Letter
from bench.probes import ALERT, ALERTS, EVERY_SECONDS, Make, Prober, say_lags
from bench.queues import LISTENER, Queues
from bench.results import say
from bench.row import Pair, Row, Wrong
from bench.samples import Looks, Sample, judge
from bench.stand import Stand
from tests.processes import eventually

SECONDS = 20 * 60
PEAK_SECONDS, SHORTEST_PEAK_SECONDS = 30, 12
AHEAD = 20_000  # so that the windows of all workers have been full before memory is looked at
SHARE_OF_PEAK = 0.8
SAMPLES = 240
MARGIN_SECONDS = 120  # for what is late: there must be a merchant for each probe
LATE_SECONDS = 5.0  # once in twenty minutes: what can't keep pace is later and later
READY_WITHIN_SECONDS = 120.0


def turn(stand: Stand, scale: float) -> Pair:
    """Open accounts, find the peak, feed, judge, check."""
    seconds = SECONDS * scale
    commands = procfile.workers()
    with stand.database() as database_url, stand.virtual_host() as host:
        environment = stand.environment(database_url=database_url, broker_url=host.url)
        stand.run("manage.py", "declare_topology", environment=environment)
        with Queues(host.url) as queues, Books(database_url) as books:
            for queue in (LISTENER, ALERTS):
                queues.declare(queue)
            sent = books.by_kind()
            at_first = sent.total()
            with stand.running(*commands.values(), environment=environment) as workers:
                processes = dict(zip(commands, workers, strict=True))
                sent += opened(books, host.url, thins=round(seconds) + MARGIN_SECONDS)
                at_peak = peak(stand, environment, seconds=max(PEAK_SECONDS * scale, SHORTEST_PEAK_SECONDS))
                sent += at_peak.sent
                decided(books, sent)
                prober = Prober(ways(), database_url=database_url, broker_url=host.url)
                prober.start()
                looks = Looks(processes, books, queues, prober)
                steady, samples = fed_steadily(
                    stand, environment, looks, per_second=SHARE_OF_PEAK * at_peak.decided_per_second, seconds=seconds
                )
                prober.stop()
                sent += steady.sent + prober.sent
                decided(books, sent)
                eventually(books.everything_is_told, what="every event confirmed")
                eventually(lambda: queues.ready("credits.notifications") == 0, what="every alert told")
                time.sleep(SETTLE_SECONDS)
                stop(workers)
            books.check_kinds(sent=sent)
            check_queues(queues, host, sent=sent.total() - at_first + prober.alerts)
            stand.run("manage.py", "audit", environment=environment)
    for way, lags in prober.lags.items():
        say(f"   {way}: {say_lags(lags)}")
    grown_most = judge(samples)
    return Pair(grown_most.later, grown_most.earlier)


def opened(books: Books, broker_url: str, *, thins: int) -> Counter[str]:
    """Open the accounts that the mix and the probes need beside the merchants', through the workers."""
    shops, purchases = letters.openings(thins=thins)
    rows, accounts = books.decided()
    fill(broker_url, exchange=EXCHANGE, task="credits.open_account", calls=shops)
    fill(broker_url, exchange=EXCHANGE, task="credits.purchase", calls=purchases)
    everything = (rows + len(purchases), accounts + len(shops))
    eventually(lambda: books.decided() == everything, timeout_seconds=READY_WITHIN_SECONDS, what="accounts opened")
    return Counter({POSTED_PURCHASE: len(purchases)})


def peak(stand: Stand, environment: Mapping[str, str], *, seconds: float) -> Fed:
    """Feed as much as is decided; what was sent, and how much was decided per second."""
    with feeding(stand, "ahead", "--name", "peak", "--by", AHEAD, "--seconds", seconds, environment=environment) as it:
        at_peak = fed(it, within_seconds=seconds + READY_WITHIN_SECONDS)
    say(f"   peak while being fed: {at_peak.decided_per_second:,.0f} messages/s")
    return at_peak


def ways() -> dict[str, Make]:
    """A way in for each queue, for probes of its own merchants; and one that leads to an alert."""
    makers = {
        "grants": letters.purchase,
        "inbound": letters.purchase_event,
        "consume": letters.match,
        "inbound.matches": letters.match_event,
    }
    return {
        **{way: partial(_probe, make, way) for way, make in makers.items()},
        ALERT: lambda number: letters.match(f"probe-{ALERT}-{number}", letters.thin(number)),
    }


def _probe(make: letters.Maker, way: str, number: int) -> Letter:
    return make(f"probe-{way}-{number}", merchants.merchant_id(number % merchants.COUNT))


def fed_steadily(
    stand: Stand, environment: Mapping[str, str], looks: Looks, *, per_second: float, seconds: float
) -> tuple[Fed, list[Sample]]:
    """Feed for so long, and sample; what was sent, and the samples. Raises Wrong where the feeder can't keep pace."""
    arguments = ("steady", "--name", "steady", "--per-second", per_second, "--seconds", seconds)
    samples: list[Sample] = []
    looks.prober.wait_until_ready()
    with feeding(stand, *arguments, environment=environment) as feeder:
        while feeder.exit_code is None:
            looks.queues.hear()
            samples.append(looks.sample())
            time.sleep(max(EVERY_SECONDS, seconds / SAMPLES))  # so that each sample sees probes
        steady = fed(feeder, within_seconds=1.0)
    say(
        f"   fed {steady.sent.total():,} messages in {seconds:,.0f} s: {per_second:,.0f}/s, "
        f"the latest {steady.late_seconds:.2f} s late; {len(samples)} samples"
    )
    if steady.late_seconds > LATE_SECONDS:
        raise Wrong(f"the feeder was {steady.late_seconds:.1f} s late: it, or the broker, could not keep pace")
    return steady, samples


def decided(books: Books, sent: Counter[str]) -> None:
    """Wait until all that was sent has its row."""
    eventually(lambda: books.decided()[0] == sent.total(), timeout_seconds=READY_WITHIN_SECONDS, what="all decided")


row = Row(
    number="steady",
    what="memory of a process at the end of 20 minutes at 80 % of the peak, all queues, the one that grew most",
    against="the same process's memory after the first tenth; outbox, queues and lags have not grown either",
    unit="MB",
    turn=turn,
    at_most=1.1,
    most_turns=1,
)
