"""The consumer: a process that posts consumptions by one tree's journal, batch by batch, when it is told to."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.row import Wrong
from creditsvc.environment import BASE_DIR

SCRIPT = BASE_DIR / "bench" / "consumptions.py"


class Consumer:
    """The process, and the seconds that its batches have taken."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asks: IO[str] = process.stdin
        self._answers: IO[str] = process.stdout
        self.seconds = 0.0

    def wait_until_ready(self) -> None:
        """Return once the accounts are open."""
        self._expect("ready")

    def post(self, batches: int) -> None:
        """Have so many batches posted."""
        self.seconds += float(self._ask(str(batches)))

    def check(self) -> None:
        """Raise Wrong unless all of it is in the books, and nothing else."""
        self._asks.write("\n")
        self._asks.flush()
        self._expect("the books are right")

    def _ask(self, line: str) -> str:
        self._asks.write(f"{line}\n")
        self._asks.flush()
        return self._answers.readline()

    def _expect(self, line: str) -> None:
        answer = self._answers.readline().strip()
        if answer != line:
            raise Wrong(f"a consumer says {answer!r} where it should say {line!r}")


@contextmanager
def consumer(*arguments: str, environment: Mapping[str, str], tree: Path = BASE_DIR) -> Iterator[Consumer]:
    """One tree's code on a migrated database; arguments are the script's."""
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=tree,
        env={**environment, "PYTHONPATH": str(tree)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Consumer(process)
        finally:
            process.kill()
