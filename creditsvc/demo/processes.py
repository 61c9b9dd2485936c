"""The Procfile's processes, started together, each with a log of its own, and ended together."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from honcho.environ import parse_procfile

from creditsvc.environment import BASE_DIR, environment

LOGS = environment.var_dir / "log"
# Everybody knows the demonstration's passwords: it answers on this machine alone.
LOOPBACK = {"GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{environment.credit_api_external_port}"}
WARM_STOP_S = 15


class Processes:
    """Running processes by their names in the Procfile."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start every process; their output goes to LOGS."""
        LOGS.mkdir(parents=True, exist_ok=True)
        procfile = parse_procfile((BASE_DIR / "Procfile").read_text())
        for name, command in procfile.processes.items():
            with (LOGS / f"{name}.log").open("wb") as log:
                self._running[name] = subprocess.Popen(  # noqa: S602  (the Procfile's own lines, for a shell as always)
                    f"exec {command}",
                    shell=True,
                    cwd=BASE_DIR,
                    env={
                        **os.environ,
                        **LOOPBACK,
                        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                    },
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def dead(self) -> dict[str, int]:
        """The names of those that have ended, with their exit codes, -n where signal n ended one."""
        codes = {name: process.poll() for name, process in self._running.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def stop(self) -> None:
        """Ask every process to finish what it has in hand, and end what does not within WARM_STOP_S."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(WARM_STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def running_processes() -> Iterator[Processes]:
    """The Procfile's processes for as long as the block runs."""
    processes = Processes()
    try:
        processes.start()
        yield processes
    finally:
        processes.stop()
