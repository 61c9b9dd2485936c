"""A drill: the blocks of commands of docs/operations.md that bear its name, run as an operator would run them.

A block opens with ```sh drill:NAME:STEP. What a drill needs beyond them (servers that fail, messages that come in) is
the test's; what an operator does is in the document alone.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from creditsvc.environment import BASE_DIR
from tests.servers.postgresql import find_binaries

DOCUMENT = BASE_DIR / "docs" / "operations.md"
BLOCK = re.compile(r"^```sh drill:(?P<drill>[a-z]+):(?P<step>[a-z-]+)\n(?P<commands>.*?)^```$", re.M | re.DOTALL)
STEP_SECONDS = 60.0
BECOME_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def steps(drill: str) -> dict[str, str]:
    """By step, the commands of a drill, in the order of the document."""
    blocks = BLOCK.finditer(DOCUMENT.read_text())
    return {block["step"]: block["commands"] for block in blocks if block["drill"] == drill}


def drills() -> set[str]:
    """The names of all drills that the document prints."""
    return {block["drill"] for block in BLOCK.finditer(DOCUMENT.read_text())}


class Drill:
    """One drill; its variables are the service's environment, and what the operator has set besides."""

    def __init__(self, name: str) -> None:
        self._steps = steps(name)
        self._done: list[str] = []
        self._environment: dict[str, str] = {}

    def set(self, **variables: str) -> None:
        """What the document calls $NAME."""
        self._environment |= variables

    def do(self, step: str, *, code: int = 0, as_postgres: bool = False) -> str:
        """Run a step's commands to their end; what they printed. Fails where they exit with another code."""
        assert step in self._steps, f"{DOCUMENT.name} prints no such step: {step}"
        self._done.append(step)
        programs = [str(Path(sys.executable).parent), str(find_binaries() or ""), os.environ["PATH"]]
        become = BECOME_POSTGRES if as_postgres and os.geteuid() == 0 else []
        done = subprocess.run(
            [*become, "bash", "-euo", "pipefail", "-c", self._steps[step]],
            cwd=BASE_DIR,
            env={**self._environment, "PATH": os.pathsep.join(programs)},
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )
        assert done.returncode == code, f"{step} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def assert_complete(self) -> None:
        """Every step that the document prints was carried out, in its order."""
        in_order = list(dict.fromkeys(self._done))
        assert in_order == list(self._steps), f"printed {list(self._steps)}, carried out {in_order}"
