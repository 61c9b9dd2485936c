"""Being told to stop, by a signal that interrupts whatever the worker is doing."""

import subprocess
import sys
import time
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
from tasks import shutdown
signal.signal(signal.SIGTERM, lambda *_: None)
shutdown.BEAT_GRACE_S = 1
shutdown.end_beat_in_time()
signal.raise_signal(signal.SIGTERM)
time.sleep(3600)
"""
AT_ONCE = (
    "import signal; from tasks.shutdown import Signals; Signals.start(None, None); signal.raise_signal(signal.SIGQUIT)"
)


def exit_code_of(script: str) -> int:
    return subprocess.run([sys.executable, "-c", script], timeout=TOO_LONG_SECONDS, check=False).returncode


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


def test_beat_ends_even_where_what_ends_it_is_swallowed() -> None:
    assert exit_code_of(SWALLOWED) == 0


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
