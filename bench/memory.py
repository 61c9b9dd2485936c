"""Memory of processes as Linux counts it, in MB: what is resident now, and the most that ever was."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.processes import Process
from tests.servers.process_tree import family

Memory = Mapping[str, float]  # by the process's name

NOW, PEAK = "VmRSS", "VmHWM"
LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


def resident(processes: Mapping[str, Process]) -> Memory:
    """What each process holds now, with all that it started."""
    return {name: _of(process.pid, NOW) for name, process in processes.items()}


def peaks(processes: Mapping[str, Process]) -> Memory:
    """The most that each has ever held, with all that it started."""
    return {name: _of(process.pid, PEAK) for name, process in processes.items()}


def peak_of_largest(process: Process) -> float:
    """The most that any one of its family has ever held."""
    return max(_status(each)[PEAK] for each in (process.pid, *family(process.pid))) / 1024


def ratios(later: Memory, earlier: Memory) -> Memory:
    """How many times as much each process holds later."""
    return {name: later[name] / earlier[name] for name in earlier}


def worst(later: Memory, earlier: Memory) -> str:
    """The name of the process that has grown most, as a share of what it was."""
    grown = ratios(later, earlier)
    return max(grown, key=grown.__getitem__)


def table(later: Memory, earlier: Memory) -> str:
    """A line that tells each process's memory then and now."""
    grown = ratios(later, earlier)
    return ", ".join(f"{name} {earlier[name]:.1f} to {later[name]:.1f} MB ({grown[name]:.2f})" for name in earlier)


def _of(pid: int, what: str) -> float:
    return sum(_status(each)[what] for each in (pid, *family(pid))) / 1024


def _status(pid: int) -> dict[str, int]:
    """The sizes in /proc/PID/status, in kB."""
    return {name: int(size) for name, size in LINE.findall(Path(f"/proc/{pid}/status").read_text())}
