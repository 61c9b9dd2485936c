"""The samples: what is looked at every few seconds while the service works: memory, outbox, queues, lags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import growth, memory
from bench.books import Books
from bench.growth import Growth
from bench.probes import Prober
from bench.queues import Queues
from bench.results import say
from celeryconfig import MAX_BATCH, dead_letter_queue, inbound_queues, task_queues
from tests.processes import Process

QUEUES = [queue.name for queue in [*task_queues, *inbound_queues, dead_letter_queue]]
LAG_SLACK_SECONDS = 2.0
BATCHES = 2  # that many may just be committed and not yet marked as published, or lie between queue and worker


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: MB by process, rows of the outbox that are still to be told, messages by queue, lags by way."""

    memory: Mapping[str, float]
    untold: int
    ready: Mapping[str, int]
    lags: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Looks:
    """Where samples are taken."""

    processes: Mapping[str, Process]
    books: Books
    queues: Queues
    prober: Prober

    def sample(self) -> Sample:
        return Sample(
            memory.resident(self.processes),
            self.books.untold(),
            {name: self.queues.ready(name) for name in QUEUES},
            self.prober.lags_now(),
        )


def judge(samples: Sequence[Sample]) -> Growth:
    """Say how each series has grown; returns the memory of the process that has grown most.

    Raises Wrong where the memory of one, the outbox, a queue or a lag has grown and not just swung.
    """
    held = {name: growth.after_first_tenth([s.memory[name] for s in samples]) for name in samples[0].memory}
    lags = {way: growth.first_to_last_tenth([s.lags[way] for s in samples]) for way in samples[0].lags}
    ready = {name: growth.first_to_last_tenth([s.ready[name] for s in samples]) for name in QUEUES}
    untold = growth.first_to_last_tenth([s.untold for s in samples])
    _say("memory, MB", held, digits=1)
    _say("longest lag, s", lags, digits=2)
    _say("waiting in queue", ready, digits=0)
    _say("still to be told", {"outbox": untold}, digits=0)
    for name, grown in held.items():
        growth.check_memory(name, grown)
    for way, grown in lags.items():
        growth.check_bounded(f"the lag of {way}", grown, slack=LAG_SLACK_SECONDS)
    for name, grown in {**ready, "outbox": untold}.items():
        growth.check_bounded(f"what waits in {name}", grown, slack=BATCHES * MAX_BATCH)
    return max(held.values(), key=lambda grown: grown.ratio)


def _say(what: str, series: Mapping[str, Growth], *, digits: int) -> None:
    figures = (f"{name} {grown.earlier:,.{digits}f} to {grown.later:,.{digits}f}" for name, grown in series.items())
    say(f"   {what}: {', '.join(figures)}")
