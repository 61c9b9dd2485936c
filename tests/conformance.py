"""Conformance vectors: read, with their placeholders filled in, and compared with what came out."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from creditsvc.environment import BASE_DIR

FOLDER = BASE_DIR / "docs" / "conformance"
PLACEHOLDER = re.compile(r"<([a-z][a-z0-9 ]*)>")
ANY = {"uuid", "time"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass(frozen=True)
class Vector:
    """One vector of one run: its placeholders filled in, but those that stand for anything."""

    name: str
    given: list[dict[str, Any]]
    message: dict[str, Any]
    outcome: dict[str, Any] | None
    events: list[dict[str, Any]]
    merchants: list[str]


def vectors() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every vector as it stands in its file, with a name for a test."""
    for file in sorted(FOLDER.glob("*.json")):
        for vector in json.loads(file.read_text(encoding="utf-8"))["vectors"]:
            yield f"{file.stem}: {vector['name']}", vector


def filled(vector: dict[str, Any]) -> Vector:
    """The vector for one run."""
    values: dict[str, str] = {}

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if name in ANY:
            return match[0]
        if name not in values:
            values[name] = str(uuid4()) if name.startswith("merchant") else f"{name} {uuid4()}"
        return values[name]

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return PLACEHOLDER.sub(value_of, value)
        if isinstance(value, dict):
            return {key: fill(part) for key, part in value.items()}
        return [fill(part) for part in value] if isinstance(value, list) else value

    whole = fill({"outcome": None, "given": [], **vector})
    merchants = [text for name, text in values.items() if name.startswith("merchant")]
    parts = {name: whole[name] for name in ("name", "given", "message", "outcome", "events")}
    return Vector(**parts, merchants=merchants)


def differences(expected: Any, found: Any, *, path: str = "") -> list[str]:
    """Where what was found is not what was expected; of objects in outcomes only the expected keys are compared."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if path.startswith("events") and expected.keys() != found.keys():
            return [f"{path}: expected {', '.join(expected)}, found {', '.join(found)}"]
        return [
            line for key, part in expected.items() for line in differences(part, found.get(key), path=f"{path}.{key}")
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for place, pair in pairs for line in differences(*pair, path=f"{path}.{place}")]
    if path.endswith(".reason") and isinstance(expected, str) and isinstance(found, str):
        return [] if found.startswith(expected) else [f"{path}: expected {expected}…, found {found}"]
    if expected == "<uuid>":
        return [] if _is_uuid(found) else [f"{path}: expected a UUID, found {found}"]
    if expected == "<time>":
        return [] if TIME.fullmatch(str(found)) else [f"{path}: expected a time, found {found}"]
    return (
        [] if expected == found and type(expected) is type(found) else [f"{path}: expected {expected}, found {found}"]
    )


def _is_uuid(value: Any) -> bool:
    try:
        return str(UUID(str(value))) == value
    except ValueError:
        return False
