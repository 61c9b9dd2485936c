"""Shutdown: whatever a worker is waiting for, it stops waiting when it is told to stop."""

import os
import signal
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from celery import bootsteps
from celery.platforms import EX_FAILURE, EX_OK
from celery.signals import beat_init

GRACE_S = 3.0  # what somebody else's server still gets once the worker is told to stop
BEAT_GRACE_S = 5
LOOK_UP_EVERY_S = 0.2


class Flag:
    """An Event without a lock: a signal's handler that set an Event could meet its lock held by what it interrupts."""

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until it is set, which is seen LOOK_UP_EVERY_S later at most; whether it is set."""
        deadline = time.monotonic() + seconds
        while not self._is_set and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_UP_EVERY_S))
        return self._is_set


stopping = Flag()


class Abandoned(Exception):
    """The worker stops, and somebody else's server has not answered."""


class Signals(bootsteps.StartStopStep):
    """Puts the worker's own handlers before Celery's: a handler waits for no lock, whatever it interrupts.

    Celery's cold shutdown (SIGQUIT, a second SIGINT) closes the pool in the handler. The pool's thread may wait there
    for a lock that the interrupted thread holds: neither would ever end.
    """

    def start(self, worker: Any) -> None:
        """Celery has put its own there by now."""
        celerys_warm_stop: Any = signal.getsignal(signal.SIGTERM)

        def stop(number: int, frame: Any) -> None:
            if not stopping.is_set():
                stopping.set()
                celerys_warm_stop(number, frame)
            elif number == signal.SIGINT:
                end_at_once()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGQUIT, end_at_once)


@beat_init.connect
def end_beat_in_time(sender: Any, **_: object) -> None:
    """beat stops by an exception out of a signal's handler, which whatever it interrupts may swallow: then it ends its
    round, and that not for ever. Celery's handler closes the schedule first, which such a round fails of.

    Whatever it has not saved is when it last sent which sweep: one is then sent once more.
    """

    def stop(number: int, frame: Any) -> None:
        signal.alarm(BEAT_GRACE_S)
        sender._is_shutdown.set()  # asked before each round; an Event whose lock nothing else of this process takes
        raise SystemExit(EX_OK)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGALRM, lambda *_: os._exit(EX_OK))


def end_at_once(*_: object) -> None:
    """End as by SIGKILL: what was not acknowledged comes again, and is applied once."""
    os._exit(EX_FAILURE)


def pause(seconds: float) -> bool:
    """Wait that long, or until the worker is told to stop; whether to go on."""
    return not stopping.wait(seconds)


def unless_stopped(work: Callable[[], object]) -> None:
    """Do work that waits for somebody else's server; raises what it raises.

    Raises Abandoned where the worker is told to stop and the work has not ended GRACE_S later: it goes on by itself, in
    a thread that holds up nobody, for as long as the process lives.
    """
    attempt = _Attempt(work)
    attempt.start()
    deadline = None
    while not attempt.has_ended.wait(LOOK_UP_EVERY_S):
        if stopping.is_set():
            deadline = deadline or time.monotonic() + GRACE_S
            if time.monotonic() >= deadline:
                raise Abandoned
    attempt.reraise()


class _Attempt(Thread):
    """One go at the work, in a thread of its own."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(name="attempt", daemon=True)
        self.has_ended = Event()
        self.error: Exception | None = None
        self._work = work

    def reraise(self) -> None:
        """Raise what the work raised. Nothing refers to it afterwards: a socket that it holds is closed."""
        error, self.error = self.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self.error = error
        finally:
            self.has_ended.set()
