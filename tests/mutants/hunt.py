"""The hunt: first every named test on unbroken copies, then each mutant's own test on a copy that holds the mutant."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.mutants.copies import Copy
from tests.mutants.mutant import Mutant, Stale, mutated
from tests.mutants.trial import Trial, run

ALL_WITHIN_SECONDS = 900.0
ONE_WITHIN_SECONDS = 180.0


class Result(Enum):
    """What became of a mutant; all but the first fail the hunt."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"  # a test is missing, or tests less than it says
    STALE = "STALE"  # the code has moved on; the mutant must follow
    NOT_TRIED = "NOT TRIED"  # its test fails, or is not there, without the mutant
    NO_VERDICT = "NO VERDICT"  # the test failed of something else, or never ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One mutant's result: how long its test took, by which error it noticed, or in detail why it is not caught."""

    mutant: Mutant
    result: Result
    seconds: float = 0.0
    raised: str = ""
    detail: str = ""


def hunt(mutants: Sequence[Mutant], *, tree: Path, folder: Path, tell: Callable[[Found], None]) -> list[Found]:
    """Try every mutant in copies of the tree, which are made in the folder; each result is told at once, too.

    Two at a time: those whose tests need servers go one after the other, since such tests may share a broker.
    """
    lanes = [Lane(Copy(tree, folder / name), tell) for name in ("servers", "none")]
    on_servers, on_none = (deque(mutant for mutant in mutants if mutant.servers is flag) for flag in (True, False))
    with ThreadPoolExecutor(len(lanes)) as pool:
        unbroken = dict(zip((True, False), pool.map(Lane.unbroken, lanes, (on_servers, on_none)), strict=True))
        turns = [pool.submit(lanes[0].work, (on_servers, on_none), unbroken)]
        turns.append(pool.submit(lanes[1].work, (on_none,), unbroken))
    return [found for turn in turns for found in turn.result()]


class Lane:
    """Tries one mutant after the other, in a copy of its own."""

    def __init__(self, copy: Copy, tell: Callable[[Found], None]) -> None:
        self._copy = copy
        self._tell = tell

    def unbroken(self, mutants: Sequence[Mutant]) -> Trial:
        """The mutants' tests on the copy as it is: all in one run, or each alone where one of them can't be found."""
        tests = sorted({mutant.test for mutant in mutants})
        if not tests:
            return Trial([], "")
        servers = mutants[0].servers
        trial = self._run(tests, servers, within_seconds=ALL_WITHIN_SECONDS)
        if trial.verdicts:
            return trial
        alone = [self._run([test], servers, within_seconds=ONE_WITHIN_SECONDS) for test in tests]
        return Trial([verdict for trial in alone for verdict in trial.verdicts], trial.log)

    def work(self, queues: Sequence[deque[Mutant]], unbroken: dict[bool, Trial]) -> list[Found]:
        """Take mutants until the queues are empty, the first queue first."""
        results = []
        for queue in queues:
            while True:
                try:
                    mutant = queue.popleft()
                except IndexError:
                    break
                found = self._try(mutant, unbroken[mutant.servers])
                self._tell(found)
                results.append(found)
        return results

    def _try(self, mutant: Mutant, unbroken: Trial) -> Found:
        try:
            texts = mutated(mutant, self._copy.folder)
        except Stale as stale:
            return Found(mutant=mutant, result=Result.STALE, detail=str(stale))
        if not unbroken.passes(mutant.test):
            detail = f"{mutant.test} does not pass on the unbroken code:\n{unbroken.log}"
            return Found(mutant=mutant, result=Result.NOT_TRIED, detail=detail)
        started = time.monotonic()
        with self._copy.changed(texts):
            trial = self._run(["--exitfirst", mutant.test], mutant.servers, within_seconds=ONE_WITHIN_SECONDS)
        seconds = time.monotonic() - started
        if raised := trial.noticed_by(mutant.test):
            return Found(mutant=mutant, result=Result.CAUGHT, seconds=seconds, raised=raised)
        survived = trial.passes(mutant.test) and not trial.took_too_long
        result = Result.SURVIVED if survived else Result.NO_VERDICT
        return Found(mutant=mutant, result=result, seconds=seconds, detail=trial.log)

    def _run(self, tests: Sequence[str], servers: bool, *, within_seconds: float) -> Trial:
        return run(tests, folder=self._copy.folder, servers=servers, within_seconds=within_seconds)
