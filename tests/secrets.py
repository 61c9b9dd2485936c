"""Secrets of the processes under test: at the end of a run, none of them may stand in any of their logs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from creditsvc.environment import DEVELOPMENT_SECRET, Environment

SHORTEST = 8  # of what is looked for: a word such as "guest" stands in any text
JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
# The demonstration prints what it signs and whom it lets in, for its own toy: docs say so.
TELLING = ("manage.py", "demo")


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets in a process's environment by what they are: each URL's password, and each setting that is one."""
    found = {"a default secret": DEVELOPMENT_SECRET}
    for name in (setting.upper() for setting in Environment.model_fields):
        value = environment.get(name, "")
        if name.endswith(("_SECRET", "_KEY", "_PASSWORD")):
            parts: Iterable[str] = value.split(",")
        else:
            parts = [password for url in value.split(";") for password in _passwords(url)]
        found.update({f"{name} {number}": part.strip() for number, part in enumerate(parts)})
    return {name: secret for name, secret in found.items() if len(secret) >= SHORTEST}


def _passwords(url: str) -> Iterator[str]:
    """The password in a URL, as written and as meant, and the values of its query."""
    if "://" not in url:
        return
    try:
        place = urlsplit(url)
        given = place.password or ""
    except ValueError:
        return
    yield from {given, unquote(given)}
    yield from (part.partition("=")[2] for part in place.query.split("&") if "token" in part or "password" in part)


@dataclass
class Watch:
    """Every log of this run, with the secrets of whoever wrote it."""

    logs: list[tuple[str, Path, dict[str, str]]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def file(self, command: Iterable[str], log: Path, environment: Mapping[str, str]) -> None:
        """Look into this file when the run ends."""
        words = tuple(command)
        if words[:2] != TELLING:
            self.logs.append((" ".join(words), log, secrets_of(environment)))

    def text(self, command: Iterable[str], printed: str, environment: Mapping[str, str]) -> None:
        """Look into what a command has printed."""
        self.found += told(" ".join(command), printed, secrets_of(environment))

    def findings(self) -> list[str]:
        """Which process has told which secret; the secret itself is not repeated."""
        for command, log, secrets in self.logs:
            if log.exists():
                self.found += told(command, log.read_text(errors="replace"), secrets)
        self.logs.clear()
        return self.found


def told(command: str, printed: str, secrets: Mapping[str, str]) -> list[str]:
    """What of the secrets, and of any token, stands in a text."""
    names = [name for name, secret in secrets.items() if secret in printed]
    if JWT.search(printed):
        names.append("a token")
    return [f"{command} has told {name}" for name in names]


watch = Watch()
