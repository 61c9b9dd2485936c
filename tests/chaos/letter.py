"""The letter: one message as it is sent, from any language: a task message of protocol 2, or a plain event."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

COMMANDS = "credits.commands"
EVENTS = "glam.events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message. kind names it in the report; token is its task's id, and in its headers whatever becomes of it."""

    kind: str
    exchange: str
    routing_key: str
    token: str
    body: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    may_have_another_id: bool = True  # a producer's own repeat is a new message with the same reference

    def again(self, token: str) -> "Letter":
        """The same request in a message of its own, as a producer sends it that was not answered."""
        if not self.may_have_another_id or "task" not in self.headers:
            return self
        return replace(self, token=token, headers={**self.headers, "id": token, "root_id": token, "token": token})


def task(name: str, kwargs: Any, *, token: str, kind: str = "", **headers: Any) -> Letter:
    """A command; kwargs are its fields, or whatever stands in their place."""
    return Letter(
        kind=kind or name.removeprefix("credits."),
        exchange=COMMANDS,
        routing_key=name,
        token=token,
        body=json.dumps([[], kwargs, {}]),
        headers={**_headers(name, token), **headers},
    )


def raw_task(name: str, body: str, *, token: str, kind: str, without: tuple[str, ...] = ()) -> Letter:
    """What pretends to be a task message: any body, and headers less some."""
    headers = {key: value for key, value in _headers(name, token).items() if key not in without}
    return Letter(
        kind=kind,
        exchange=COMMANDS,
        routing_key="credits.consume",
        token=token,
        body=body,
        headers=headers,
        may_have_another_id=False,
    )


def event(event_type: str, data: Mapping[str, Any], *, token: str, kind: str = "") -> Letter:
    """A plain event."""
    body = {"event_type": event_type, "correlation_id": token, "source_service": "chaos", "data": data}
    return Letter(
        kind=kind or event_type,
        exchange=EVENTS,
        routing_key=event_type,
        token=token,
        body=json.dumps(body),
        headers={"token": token},
    )


def _headers(name: str, token: str) -> dict[str, Any]:
    return {
        "lang": "chaos",
        "task": name,
        "id": token,
        "root_id": token,
        "correlation_id": token,
        "token": token,
        "ignore_result": True,
    }
