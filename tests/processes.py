"""Processes of this project under test: workers, management commands, the web server, with a log to look into.

worker = run_process("celery", "-A", "creditsvc.celery", "worker", environment=service_environment(…))
worker.wait_for_log("ready")
worker.signal(signal.SIGTERM)
assert worker.wait() == 0
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from creditsvc.environment import BASE_DIR, Environment
from tests.secrets import watch
from tests.servers.last_will import LastWill
from tests.servers.process_tree import kill_tree

LOG_TAIL_LINES = 60
LOG_TAIL_BYTES = 100_000
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
AS_IN_PRODUCTION = BASE_DIR / "tests" / "production"

Answer = TypeVar("Answer")


def service_environment(*, database_url: str, broker_url: str, **settings: str) -> dict[str, str]:
    """The environment of a process of the service: this one's, with its settings replaced, and production's packages.

    Further settings go by their names in lower case: `low_balance_threshold="5"`.
    """
    ours = {name.upper() for name in Environment.model_fields}
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    named = {name.upper(): value for name, value in settings.items()}
    if unknown := named.keys() - ours:
        raise ValueError(f"the service has no setting {', '.join(sorted(unknown))}")
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(AS_IN_PRODUCTION), inherited.get("PYTHONPATH")])),
        "DJANGO_SETTINGS_MODULE": "creditsvc.settings",
        "PYTHONUNBUFFERED": "1",
        "APP_ENV": "test",
        "DATABASE_URL": database_url,
        "BROKER_URL": broker_url,
        **named,
    }


def eventually(condition: Callable[[], Answer], *, timeout_seconds: float = PATIENCE_SECONDS, what: str = "") -> Answer:
    """Ask again and again until the condition is true (not empty, not None); returns what it then gave.

    Raises AssertionError after so many seconds, with what was awaited and what was seen last.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        if result := condition():
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_seconds} s: {what or condition}; last seen: {result!r}")
        time.sleep(POLL_SECONDS)


class Process:
    """A running process of this project, in a process group of its own, its output in a file."""

    def __init__(self, *command: str, environment: Mapping[str, str], log: Path) -> None:
        self.command = command
        self.log_file = log
        self._last_will = LastWill()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                in_this_environment(command),
                env=dict(environment),
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._last_will.covers(group=self._process.pid)
        watch.file(command, log, environment)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit code, -n where signal n ended it; None while it runs."""
        # Not reaped before end(): as long as its id is taken, killing its process group can't hit another's.
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def log(self) -> str:
        """All that it has printed so far."""
        return self.log_file.read_text(errors="replace")

    def log_tail(self) -> str:
        """The last lines of its log, however long it is."""
        with self.log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def wait_for_log(self, pattern: str, *, timeout_seconds: float = PATIENCE_SECONDS) -> re.Match[str]:
        """Wait until its log matches a regular expression; returns the first match.

        Raises AssertionError with the log's end where it ends first, or takes longer.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            code = self.exit_code  # asked before the log is read, or its last words would be missed
            if match := re.search(pattern, self.log(), re.MULTILINE):
                return match
            if code is not None or time.monotonic() > deadline:
                how = f"ran {timeout_seconds} s" if code is None else f"ended with {code}"
                raise AssertionError(f"{self.command} {how} without {pattern!r} in its log:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, as a process manager does."""
        os.kill(self.pid, number)

    def wait(self, *, timeout_seconds: float = PATIENCE_SECONDS) -> int:
        """Wait until it has ended by itself; returns its exit code, -n where signal n ended it.

        Raises AssertionError with the log's end where it takes longer.
        """
        deadline = time.monotonic() + timeout_seconds
        while (code := self.exit_code) is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.command} ran on for {timeout_seconds} s:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)
        return code

    def kill(self) -> None:
        """SIGKILL it and all that it started; what has ended stays ended."""
        kill_tree(self.pid)

    def end(self) -> None:
        """Whatever state it is in: nothing of it runs afterwards. For the fixture; tests use kill()."""
        kill_tree(self.pid)
        self._process.wait()
        self._last_will.covers_nothing()
        self._last_will.close()


def in_this_environment(command: tuple[str, ...]) -> list[str]:
    """The command with its first word found among this interpreter's programs; manage.py runs by this interpreter."""
    program, *arguments = command
    if program == "manage.py":
        return [sys.executable, program, *arguments]
    beside = Path(sys.executable).parent / program
    return [str(beside) if beside.exists() else program, *arguments]
