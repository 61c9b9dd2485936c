"""One run: open, break for so long, mend, wait for quiet, judge."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Lock, Thread

from tests.chaos import listening
from tests.chaos.books import Books, read
from tests.chaos.faults import FAULTS, Fault, Throw
from tests.chaos.judge import Verdict, judge_books, judge_events
from tests.chaos.mix import Mix
from tests.chaos.sender import Sender
from tests.chaos.stage import Stage, stage
from tests.processes import eventually

OPENED_WITHIN_SECONDS = 90.0
STUCK_AFTER_SECONDS = 90.0
# kombu gives back what others left, one process at a time; one killed at it, or a killed Redis, locks it for 300 s.
GIVEN_BACK_AFTER_SECONDS = 330.0
QUIET_WITHIN_SECONDS = 900.0  # the machine may be busy with something else
LOOK_EVERY_SECONDS = 1.0
THROWERS = 2  # faults at a time, each at something else

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to be: how long, how fast messages come, how long what is broken stays so."""

    seed: int
    seconds: float
    broker: str = "rabbitmq"
    per_second: int = 150
    away_s: float = 4.0
    pause_s: float = 2.0
    each_alone: bool = False
    faults: Sequence[Fault] = FAULTS


@dataclass(slots=True)
class Report:
    """What was thrown, what came out, and what is wrong with it."""

    plan: Plan
    thrown: Counter[str] = field(default_factory=Counter)
    not_thrown: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    parked: int = 0
    heard: int = 0
    told_again: int = 0
    starts: Counter[str] = field(default_factory=Counter)
    quiet_after_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def may_have_lost(self) -> bool:
        """Whether something was thrown by which Redis, as the broker, loses messages: docs/operations.md."""
        return self.plan.broker == "redis" and any(
            self.thrown[fault.name] for fault in self.plan.faults if fault.redis_may_lose
        )

    @property
    def is_clean(self) -> bool:
        return not self.wrong and (not self.lost or self.may_have_lost)


def run(plan: Plan, *, say: Say = lambda _: None) -> Report:
    """Carry it out from start to end, on servers of its own."""
    report = Report(plan)
    mix = Mix(plan.seed)
    with stage(plan.broker) as set_up:
        listening.listen(set_up.broker_url)
        set_up.crew.go()
        sender = Sender(mix, broker_url=set_up.broker_url, per_second=plan.per_second)
        sender.deliver(mix.opening())
        _await_opening(set_up, mix)
        say("opened, and now broken")
        sender.start()
        _break(plan, set_up, report, say)
        sender.stop()
        say("mended; waiting for quiet")
        began = time.monotonic()
        verdict, books = _await_quiet(set_up, mix, say)
        report.quiet_after_s = time.monotonic() - began
        _judge(set_up, mix, books, verdict, report)
    return report


def _await_opening(set_up: Stage, mix: Mix) -> None:
    eventually(
        lambda: read(set_up).rows.keys() >= mix.tally.rows.keys(),
        timeout_seconds=OPENED_WITHIN_SECONDS,
        what="the first purchases",
    )


def _break(plan: Plan, set_up: Stage, report: Report, say: Say) -> None:
    ends_at = time.monotonic() + plan.seconds
    chance = Random(plan.seed)
    if plan.each_alone:
        for fault in plan.faults:
            if time.monotonic() < ends_at:
                _throw(fault, Throw(set_up, Random(chance.random()), plan.away_s), report, say)
                time.sleep(plan.pause_s)
    locks = {fault.breaks: Lock() for fault in plan.faults}
    failures: list[BaseException] = []

    def go_on(chance: Random) -> None:
        try:
            for fault in _in_random_order(plan.faults, chance):
                if time.monotonic() >= ends_at:
                    return
                with locks[fault.breaks]:
                    _throw(fault, Throw(set_up, chance, plan.away_s), report, say)
                time.sleep(chance.uniform(0.2, plan.pause_s))
        except BaseException as error:
            failures.append(error)

    throwers = [Thread(target=go_on, args=(Random(chance.random()),)) for _ in range(THROWERS)]
    for thrower in throwers:
        thrower.start()
    for thrower in throwers:
        thrower.join()
    if failures:
        raise failures[0]


def _in_random_order(faults: Sequence[Fault], chance: Random) -> Iterator[Fault]:
    """Each once before any comes again."""
    while True:
        yield from chance.sample(list(faults), len(faults))


def _throw(fault: Fault, throw: Throw, report: Report, say: Say) -> None:
    began = time.monotonic()
    was_thrown = fault.throw(throw)
    (report.thrown if was_thrown else report.not_thrown)[fault.name] += 1
    say(f"{fault.name}{'' if was_thrown else ' (not thrown)'}, {time.monotonic() - began:.1f} s")


def _await_quiet(set_up: Stage, mix: Mix, say: Say) -> tuple[Verdict, Books]:
    """The verdict once nothing is wrong, or once nothing has changed for so long that it never will."""
    began = changed_at = time.monotonic()
    seen: object = None
    fewest = sys.maxsize  # messages in the queues: those of the sweeps come and go
    while True:
        books, queues = read(set_up), set_up.queues()
        verdict = judge_books(mix.tally, books)
        if not verdict.wrong and not verdict.lost and not queues:
            return verdict, books
        fewest = min(fewest, sum(queues.values()))
        if seen != (seen := (len(books.rows), books.waiting, len(books.parked), books.unpublished, fewest)):
            changed_at = time.monotonic()
        stuck_after = GIVEN_BACK_AFTER_SECONDS if fewest and not set_up.rabbitmq else STUCK_AFTER_SECONDS
        if time.monotonic() - changed_at > stuck_after or time.monotonic() - began > QUIET_WITHIN_SECONDS:
            return verdict, books
        first = (verdict.wrong + verdict.lost)[:1]
        say(f"{len(verdict.wrong)} wrong, {len(verdict.lost)} not there yet, {queues}; {first}")
        time.sleep(LOOK_EVERY_SECONDS)


def _judge(set_up: Stage, mix: Mix, books: Books, verdict: Verdict, report: Report) -> None:
    report.wrong += verdict.wrong
    report.lost += verdict.lost
    for audit in (("audit",), ("audit", "--chain")):
        audited = set_up.crew.manage(*audit)
        if audited.returncode:
            report.wrong.append(f"{' '.join(audit)}: {audited.stdout}{audited.stderr}")
    set_up.crew.stand_down()
    report.wrong[:0] = set_up.crew.findings
    report.starts = set_up.crew.starts
    heard = listening.heard(set_up.broker_url)
    report.wrong += judge_events(mix.tally, books, heard)
    report.heard = len(heard)
    report.told_again = len(heard) - len({envelope["event_id"] for envelope in heard})
    if left := set_up.queues():
        report.wrong.append(f"left in queues: {left}")
    report.sent = mix.tally.sent
    report.rows = Counter(row.status for row in books.rows.values())
    report.waiting, report.parked = len(books.waiting), len(books.parked)
