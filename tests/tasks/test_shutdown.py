"""Being told to stop, by a signal that interrupts whatever the worker is doing."""

import subprocess
import sys
import time
from threading import Timer

from tasks.shutdown import LOOK_UP_EVERY_S, Flag
from tests.processes import PATIENCE_SECONDS

TOO_LONG_SECONDS = 20.0  # it takes one

TOLD_AGAIN_AND_AGAIN = """
import signal
from tasks.shutdown import stopping
signal.signal(signal.SIGALRM, lambda *_: stopping.set())
for _ in range(1_000):
    signal.setitimer(signal.ITIMER_REAL, 0.00005)
    for _ in range(1_000):
        stopping.set()
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_a_second_signal_in_the_midst_of_the_first_holds_nothing_up() -> None:
    told = subprocess.run([sys.executable, "-c", TOLD_AGAIN_AND_AGAIN], timeout=TOO_LONG_SECONDS, check=False)

    assert told.returncode == 0


def test_who_waits_for_the_flag_wakes_up_by_it() -> None:
    flag = Flag()
    Timer(0.1, flag.set).start()
    started = time.monotonic()

    assert flag.wait(PATIENCE_SECONDS)
    assert time.monotonic() - started < PATIENCE_SECONDS / 2


def test_who_waits_in_vain_waits_as_long_as_was_said() -> None:
    started = time.monotonic()

    assert not Flag().wait(LOOK_UP_EVERY_S * 1.5)
    assert time.monotonic() - started >= LOOK_UP_EVERY_S * 1.5
