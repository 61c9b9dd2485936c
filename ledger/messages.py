"""The message that brought a request, whole: what is parked, and what can be sent again."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

# The header of a parked message that staff have sent again: the id of that replay, and /n for the nth of its items.
# Nobody else can know such an id, so nobody else can have an outcome noted as a replay's.
REPLAY_OF = "x-credits-replay"
# Who first sent a message that we send again: the broker then knows us alone. Signed, for anybody can write a header.
SENT_FOR = "x-credits-producer"
# What a message came to that comes again only because what follows it, a link or a chord, could not be told.
UNTOLD = "x-credits-untold"
LONGEST_WAIT = timedelta(days=366)  # more than ACCOUNT_WAIT may be
LONGEST_REPLAY = 40  # characters: a UUID, and a number up to 499


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came from the broker.

    queue is where it was taken from; name is its task, or its routing key where it is a plain event; properties
    are the broker's own (content_type, correlation_id, reply_to, …).
    """

    queue: str
    name: str
    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def producer(self) -> str:
        """The broker's user who sent it, where the broker has validated that: nobody stores another's word for it."""
        user = self.properties.get("user_id")
        return user if isinstance(user, str) else ""

    @property
    def fingerprint(self) -> str:
        """The same for every delivery of one message, and for nothing else: its queue, name, id and body."""
        digest = hashlib.sha256()
        identity = self.headers.get("id") if isinstance(self.headers, Mapping) else None
        for part in (self.queue, self.name, str(identity)):
            digest.update(part.encode(errors="surrogatepass") + b"\0")
        digest.update(self.body)
        return digest.hexdigest()

    @property
    def fingerprint_of_replay(self) -> str:
        """The same, but a replay differs from its original, which may come again and wait beside it."""
        replay = replay_in(self.headers)
        return hashlib.sha256(f"{self.fingerprint} {replay}".encode()).hexdigest() if replay else self.fingerprint

    def has_expired(self, *, at: datetime) -> bool:
        """Whether it is a task that its sender wants carried out no more. A plain event has no such header."""
        return "task" in self.headers and has_passed(self.headers.get("expires"), at=at)

    def without(self, *headers: str) -> "Message":
        """The same message less some of its headers."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name not in headers})

    def as_text(self) -> dict[str, str]:
        """The message as columns of text that any database can hold: headers, properties, body, body_encoding."""
        body, encoding = text_of(self.body)
        return {
            "queue": self.queue,
            "name": self.name,
            "headers": _as_json(self.headers),
            "properties": _as_json(self.properties),
            "body": body,
            "body_encoding": encoding,
        }

    @classmethod
    def from_text(cls, columns: Mapping[str, str]) -> "Message":
        """The message that as_text wrote."""
        return cls(
            queue=columns["queue"],
            name=columns["name"],
            headers=json.loads(columns["headers"]),
            properties=json.loads(columns["properties"]),
            body=body_of(columns["body"], columns["body_encoding"]),
        )


def _as_json(headers: Any) -> str:
    try:
        return json.dumps(headers, default=str)
    except TypeError:  # AMQP's names of headers are bytes, which may be no text
        return json.dumps(_with_text_for_names(headers), default=str)


def _with_text_for_names(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_name(name): _with_text_for_names(part) for name, part in value.items()}
    return [_with_text_for_names(part) for part in value] if isinstance(value, list) else value


def _name(name: Any) -> str:
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)


def moment_of(value: Any) -> datetime:
    """A moment, ISO 8601 or a datetime, in UTC: also where it names no zone.

    Raises ValueError where it is none, or so late that a wait for it would end after all times.
    """
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value.upper())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        moment + LONGEST_WAIT
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise ValueError("must be an ISO 8601 time") from None
    return moment


def has_passed(value: Any, *, at: datetime) -> bool:
    """Whether a moment lies before `at`; not where it is no moment."""
    try:
        return moment_of(value) <= at
    except ValueError:
        return False


def replay_in(headers: Any) -> str:
    """The replay that a message's headers name; empty where they name none."""
    replay = headers.get(REPLAY_OF) if isinstance(headers, Mapping) else None
    return replay if isinstance(replay, str) and len(replay) <= LONGEST_REPLAY and replay.isascii() else ""


def text_of(body: bytes) -> tuple[str, str]:
    """The body as text with its encoding: "utf-8" where it is that and holds no NUL, else "base64"."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    return (base64.b64encode(body).decode(), "base64") if "\0" in text else (text, "utf-8")


def body_of(text: str, encoding: str) -> bytes:
    """The body that text_of wrote."""
    return base64.b64decode(text) if encoding == "base64" else text.encode()


def content_of(body: bytes) -> Any:
    """A body as JSON values; None where it isn't JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # the latter where it is nested thousands deep
        return None


def fields_in(content: Any) -> Mapping[str, Any]:
    """The fields of the request in a body: a task's keyword arguments, or an event's data; else none."""
    if isinstance(content, list) and len(content) > 1:
        content = content[1]
    elif isinstance(content, dict):
        content = content.get("data")
    return content if isinstance(content, dict) else {}
