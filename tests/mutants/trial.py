"""A trial: tests run in a copy of the tree, and what became of each."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import verdicts
from tests.servers.last_will import LastWill
from tests.servers.process_tree import kill_tree

# What code that can't be loaded, or names what is not there, raises: that is a broken patch and no test's verdict.
NO_VERDICT = frozenset({"ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "NameError"})
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Verdict:
    """One phase of one test: setup, call or teardown; raised is the error's type."""

    test: str
    phase: str
    outcome: str
    raised: str

    def is_of(self, test: str) -> bool:
        """Whether it is of that test, with whatever parameters."""
        return self.test == test or self.test.startswith(f"{test}[")


@dataclass(frozen=True, slots=True)
class Trial:
    """What one run of pytest came to; log is the end of what it printed."""

    verdicts: Sequence[Verdict]
    log: str
    took_too_long: bool = False

    def passes(self, test: str) -> bool:
        """Whether the test was run and every phase of it passed."""
        return not self.failing(test) and any(
            verdict.phase == "call" and verdict.outcome == "passed" for verdict in self._of(test)
        )

    def failing(self, test: str) -> list[Verdict]:
        """The phases of the test that failed."""
        return [verdict for verdict in self._of(test) if verdict.outcome == "failed"]

    def noticed_by(self, test: str) -> str:
        """The type of the error by which the test itself failed; empty where it did not.

        A failure in what the test was given is none of the test's, nor is code that can't be loaded.
        """
        raised = [verdict.raised for verdict in self.failing(test) if verdict.phase == "call"]
        return next((error for error in raised if error not in NO_VERDICT), "")

    def _of(self, test: str) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.is_of(test)]


def run(tests: Sequence[str], *, folder: Path, servers: bool, within_seconds: float) -> Trial:
    """Run tests in the folder of a copy: on real servers where TEST_* variables name them, or without any."""
    with tempfile.TemporaryDirectory(prefix="credits-trial-") as scratch, closing(LastWill()) as last_will:
        said, noted = Path(scratch, "log"), Path(scratch, "verdicts")
        noted.touch()
        with said.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *OPTIONS, *tests],
                env=_environment(servers) | {verdicts.FILE: str(noted), "TMPDIR": scratch},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that whatever it started can be ended with it
            )
        last_will.covers(group=process.pid)
        took_too_long = _is_still_running(process, within_seconds)
        lines = said.read_text(errors="replace").splitlines()
        found = [Verdict(**json.loads(line)) for line in noted.read_text().splitlines()]
        return Trial(found, "\n".join(lines[-LOG_TAIL_LINES:]), took_too_long)


OPTIONS = ("-q", "--tb=short", "-p", "no:cacheprovider", "-p", verdicts.__name__, "--hypothesis-seed=0")


def _environment(servers: bool) -> dict[str, str]:
    # What a pytest that runs this has set for itself, and what would slow down every run.
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "DJANGO_SETTINGS_MODULE"}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and (servers or not name.startswith("TEST_"))
    }


def _is_still_running(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until it ends; where it takes longer, end it."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        kill_tree(process.pid)
        process.wait()
        return True
    return False
