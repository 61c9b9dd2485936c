"""Being told to stop, by a signal that interrupts whatever the worker is doing."""

import subprocess
import sys
import time
from pathlib import Path
from threading import Timer

import pytest

from tasks.shutdown import LOOK_UP_EVERY_S, Flag
from tests.processes import PATIENCE_SECONDS

TOO_LONG_SECONDS = 20.0  # it takes one
# It is told to stop a million times, and now and then an alarm tells it so too in the midst of that.
TOLD_AGAIN_AND_AGAIN = """
import signal
from tasks import shutdown
told = []
signal.signal(signal.SIGTERM, lambda *_: None)
shutdown.Signals.start(None, None)
stop = signal.getsignal(signal.SIGTERM)
signal.signal(signal.SIGALRM, lambda *_: told.append(stop(signal.SIGTERM, None)))
for _ in range(1_000):
    signal.setitimer(signal.ITIMER_REAL, 0.0001)
    for _ in range(1_000):
        shutdown.stopping = type(shutdown.stopping)()
        stop(signal.SIGTERM, None)
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(told))
"""
TOLD_TWICE = """
import signal
from tasks.shutdown import Signals, stopping
signal.signal(signal.SIGTERM, lambda *_: None)
Signals.start(None, None)
signal.raise_signal(signal.{first})
assert stopping.is_set()
signal.raise_signal(signal.{second})
"""
SWALLOWED = """
import signal, time
from threading import Event
from types import SimpleNamespace
from tasks import shutdown
shutdown.BEAT_GRACE_S = 1
beat = SimpleNamespace(_is_shutdown=Event())
shutdown.end_beat_in_time(beat)
try:
    signal.raise_signal(signal.SIGTERM)
except SystemExit:
    pass
if not beat._is_shutdown.is_set():
    raise ValueError
time.sleep(3600)
"""
BEATING = """
import signal, sys
from celery import Celery
from celery.apps.beat import Beat
from celery.beat import PersistentScheduler
from tasks import shutdown

class Scheduler(PersistentScheduler):
    rounds = 0
    def tick(self, *args, **kwargs):
        self.rounds += 1
        if self.rounds > 2:
            sys.exit(3)
        try:
            signal.raise_signal(signal.SIGTERM)
        except SystemExit:
            pass
        return super().tick(*args, **kwargs)

Beat(app=Celery(broker="memory://"), scheduler=Scheduler, schedule=sys.argv[1], quiet=True).run()
"""
AT_ONCE = (
    "import signal; from tasks.shutdown import Signals; Signals.start(None, None); signal.raise_signal(signal.SIGQUIT)"
)


def exit_code_of(script: str, *arguments: str) -> int:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, timeout=TOO_LONG_SECONDS, check=False).returncode


def test_a_signal_in_the_midst_of_another_holds_nothing_up() -> None:
    told = subprocess.run(
        [sys.executable, "-c", TOLD_AGAIN_AND_AGAIN], timeout=TOO_LONG_SECONDS, check=True, capture_output=True
    )

    assert int(told.stdout) > 100


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [("SIGTERM", "SIGTERM", 0), ("SIGINT", "SIGTERM", 0), ("SIGTERM", "SIGINT", 1), ("SIGINT", "SIGINT", 1)],
)
def test_only_a_second_sigint_is_impatient(first: str, second: str, code: int) -> None:
    assert exit_code_of(TOLD_TWICE.format(first=first, second=second)) == code


def test_sigquit_ends_it_at_once() -> None:
    assert exit_code_of(AT_ONCE) == 1


@pytest.mark.slow
def test_beat_ends_even_where_what_ends_it_is_swallowed() -> None:
    assert exit_code_of(SWALLOWED) == 0


@pytest.mark.slow
def test_beat_ends_its_round_where_what_ends_it_is_swallowed_in_the_midst_of_one(tmp_path: Path) -> None:
    assert exit_code_of(BEATING, str(tmp_path / "schedule")) == 0


def test_who_waits_for_the_flag_wakes_up_by_it() -> None:
    flag = Flag()
    Timer(0.1, flag.set).start()
    started = time.monotonic()

    assert flag.wait(PATIENCE_SECONDS)
    assert time.monotonic() - started < TOO_LONG_SECONDS


def test_who_waits_in_vain_waits_as_long_as_was_said() -> None:
    started = time.monotonic()

    assert not Flag().wait(LOOK_UP_EVERY_S * 1.5)
    assert time.monotonic() - started >= LOOK_UP_EVERY_S * 1.5
