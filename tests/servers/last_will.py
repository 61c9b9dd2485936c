"""What is done for a process group and its folder when the process that started them dies without a word."""

import subprocess
from pathlib import Path

# The shell learns of the death by the end of its standard input, which the system closes whatever the death.
# Until then the newest line names the process group to end; an empty line: none.
SCRIPT = """
group=
while IFS= read -r line; do group=$line; done
[ -z "$group" ] || { kill -s KILL -- "-$group"; sleep 1; }
[ -z "$1" ] || rm -rf -- "$1"
"""


class LastWill:
    """A shell that outlives this process for as long as it takes to end one process group and remove one folder."""

    def __init__(self, *, folder: Path | None = None) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", SCRIPT, "last-will", str(folder or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must not reach it
        )

    def covers(self, *, group: int) -> None:
        """Name the process group that is to end with this process, instead of the one named before."""
        self._tell(str(group))

    def covers_nothing(self) -> None:
        """Forget the process group: it has ended."""
        self._tell("")

    def close(self) -> None:
        """Have it carried out now: what still runs is ended, the folder removed."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait()

    def _tell(self, line: str) -> None:
        if self._shell.stdin is None:
            raise RuntimeError("a last will has no standard input")
        self._shell.stdin.write(f"{line}\n".encode())
        self._shell.stdin.flush()
