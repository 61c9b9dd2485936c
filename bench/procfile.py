"""The Procfile's processes, as the shell command lines that a process manager runs."""

from creditsvc.environment import BASE_DIR

WEB = "web"


def web() -> tuple[str, ...]:
    """The web server's command."""
    return _commands()[WEB]


def workers() -> dict[str, tuple[str, ...]]:
    """The commands of everything else, by name: the workers, and beat, which has them sweep."""
    return {name: command for name, command in _commands().items() if name != WEB}


def _commands() -> dict[str, tuple[str, ...]]:
    """By name. exec: so that a signal reaches the process and not its shell."""
    lines = (line.partition(":") for line in (BASE_DIR / "Procfile").read_text().splitlines() if line)
    return {name: ("/bin/sh", "-c", f"exec {command.strip()}") for name, _, command in lines}
