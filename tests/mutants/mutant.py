"""A mutant: a few words of the code changed for the worse, the promise that breaks, and the test that must notice."""

from dataclasses import dataclass
from pathlib import Path


class Stale(Exception):
    """A mutant does not fit the code any more; the message says where."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One place that is changed; `before` must stand in the file exactly once."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """What is broken, which promise of the contract goes with it, and the node id of the test that must fail then."""

    name: str
    breaks: str
    promise: str
    test: str
    edits: tuple[Edit, ...]
    servers: bool = False  # whether its test needs real servers


def mutated(mutant: Mutant, tree: Path) -> dict[str, str]:
    """By file, the text with the mutant's edits. Raises Stale where one doesn't fit, or the outcome is no Python."""
    texts: dict[str, str] = {}
    for edit in mutant.edits:
        text = texts.get(edit.file) or _read(tree / edit.file)
        found = text.count(edit.before)
        if found != 1:
            raise Stale(f"{edit.file} holds {edit.before!r} {found} times, not once")
        texts[edit.file] = text.replace(edit.before, edit.after)
    for file, text in texts.items():
        _compiled(file, text)
    return texts


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        raise Stale(f"there is no {file.name} any more") from None


def _compiled(file: str, text: str) -> None:
    try:
        compile(text, file, "exec")
    except SyntaxError as error:
        raise Stale(f"{file} is no Python any more: {error}") from error
