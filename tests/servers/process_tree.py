"""Ending a process that we started, with everything that it started, by process id."""

import os
import signal
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

GONE_WITHIN_SECONDS = 10.0
POLL_SECONDS = 0.02


def kill_tree(pid: int) -> None:
    """SIGKILL a process and all its descendants, in whatever group they are, and wait until none of them runs.

    The process must lead its group, whose members count as descendants, and must not have been reaped: its id stays
    its own until then. Raises TimeoutError where one of them lives on.
    """
    doomed = [pid, *family(pid)]
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    for each in doomed:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    wait_until_gone(doomed)


def family(pid: int) -> list[int]:
    """The ids of its group's members, and of all children, grandchildren and so on of it and of these."""
    found: list[int] = []
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or (status := status_of(int(entry.name))) is None:
            continue
        each, parent, group = int(entry.name), int(status[1]), int(status[2])
        children[parent].append(each)
        if group == pid and each != pid:
            found.append(each)
    found.extend(children[pid])
    for each in found:  # grows while it is walked
        found.extend(child for child in children[each] if child not in found)
    return found


def wait_until_gone(pids: list[int]) -> None:
    """Return when none of these runs; a zombie no longer does. Raises TimeoutError after GONE_WITHIN_SECONDS."""
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    while running := [pid for pid in pids if is_running(pid)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {running} survived SIGKILL for {GONE_WITHIN_SECONDS} s")
        time.sleep(POLL_SECONDS)


def is_running(pid: int) -> bool:
    status = status_of(pid)
    return status is not None and status[0] not in ("Z", "X")


def status_of(pid: int) -> list[str] | None:
    """State, parent's id and the further fields of proc_pid_stat(5) from the third on; None: no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()  # the second field, a name in parentheses, may hold anything
