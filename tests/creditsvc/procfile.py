"""The Procfile, as process managers read it."""

import shlex

from honcho.environ import parse_procfile

from creditsvc.environment import BASE_DIR


def commands() -> dict[str, list[str]]:
    """The processes' command lines, by their names."""
    processes = parse_procfile((BASE_DIR / "Procfile").read_text()).processes
    return {name: shlex.split(command) for name, command in processes.items()}


def queues_of(command: list[str]) -> set[str]:
    """The task queues that a worker takes; none for what is no worker."""
    return set(command[command.index("-Q") + 1].split(",")) if "-Q" in command else set()
