"""Racing: real processes that call the journal at the same moment, each over a database connection of its own."""

import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from types import TracebackType
from typing import Any, Self

import django
from django.db import connection

from ledger.outcomes import Outcome
from ledger.requests import Request
from tests.databases import default_connection_to

PATIENCE_SECONDS = 60.0
Turn = tuple[Any, ...]


class Racers:
    """Some processes; each keeps running from race to race."""

    def __init__(self, *, size: int) -> None:
        self.size = size
        self._context = get_context("spawn")
        self._barrier = self._context.Barrier(size)
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []

    def __enter__(self) -> Self:
        for _ in range(self.size):
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_wait_for_races, args=(theirs, self._barrier), daemon=True)
            process.start()
            theirs.close()  # or its end would not be noticed here
            self._pipes.append(ours)
            self._processes.append(process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.join()

    def race(self, database_url: str, work: Callable[..., Any], *turns_of_each: Sequence[Turn]) -> list[list[Any]]:
        """Have each process call work with each of its turns, all of them starting every turn together.

        Returns what each turn of each process returned. Raises AssertionError with the trace where one failed.
        """
        assert len(turns_of_each) == self.size
        for pipe, turns in zip(self._pipes, turns_of_each, strict=True):
            pipe.send((database_url, work, turns))
        answers = [pipe.recv() for pipe in self._pipes]
        for is_well, answer in answers:
            assert is_well, answer
        return [answer for _, answer in answers]


def _wait_for_races(pipe: Connection, barrier: Barrier) -> None:
    django.setup()
    while True:
        database_url, work, turns = pipe.recv()
        try:
            with default_connection_to(database_url):
                connection.ensure_connection()
                pipe.send((True, [_take(turn, work, barrier) for turn in turns]))
        except Exception:
            pipe.send((False, traceback.format_exc()))


def _take(turn: Turn, work: Callable[..., Any], barrier: Barrier) -> Any:
    barrier.wait(PATIENCE_SECONDS)
    return work(*turn)


def post_together(requests: Sequence[Request]) -> list[Outcome]:
    """Post a batch for as long as it takes."""
    from ledger.journal.surely import post_surely  # noqa: PLC0415  (Django is set up only in the process that calls)
    from ledger.rules.batch import Waiting  # noqa: PLC0415

    return post_surely([Waiting(request) for request in requests], pause=wait).outcomes


def post_in_turn(database_url: str, batches: Sequence[Sequence[Request]]) -> None:
    """Post one batch after the other, as the whole life of a process."""
    django.setup()
    with default_connection_to(database_url):
        for batch in batches:
            post_together(batch)


def wait(seconds: float) -> bool:
    """Wait, and go on."""
    time.sleep(seconds)
    return True
