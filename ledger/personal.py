"""Personal data in stored messages: whom a message is about, and the same message without it. Pure.

Personal is what callers put into shopper_id, description and metadata; and of a message's headers all but those that
the task protocol needs, since Celery repeats the arguments there.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger.messages import REPLAY_OF, UNTOLD, Message

REDACTED = "redacted"  # stands where a field may not be empty
_NEEDED_HEADERS = frozenset(
    {
        "lang", "task", "id", "root_id", "parent_id", "group", "group_index", "eta", "expires", "retries", "timelimit",
        "ignore_result", "correlation_id", REPLAY_OF, UNTOLD,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopper:
    """One shopper; of one merchant alone where merchant_id is given: some platforms number shoppers shop by shop."""

    shopper_id: str
    merchant_id: UUID | None = None

    def owns(self, part: Any) -> bool:
        """Whether an object of a message, or its positional arguments, name the shopper."""
        if isinstance(part, list):
            texts = [_text(value) for value in part]
            merchants = [text.lower() for text in texts if text]
            return self.shopper_id in texts and (self.merchant_id is None or str(self.merchant_id) in merchants)
        metadata = part.get("metadata")
        nested = metadata.get("shopper_id") if isinstance(metadata, Mapping) else None
        is_named = self.shopper_id in (_text(part.get("shopper_id")), _text(nested))
        is_described = self.is_described_by(_text(part.get("description")) or "")
        return (is_named or is_described) and self._is_merchant(part)

    def is_described_by(self, description: str) -> bool:
        """Whether a description names the shopper. A bare number may be an amount; there it takes the word shopper."""
        named = f"shopper {self.shopper_id}" if self.shopper_id.isdecimal() else self.shopper_id
        return _has_word(description, named)

    def is_named_in(self, text: str) -> bool:
        """Whether a text names the shopper as a word of its own."""
        return _has_word(text, self.shopper_id) and (self.merchant_id is None or str(self.merchant_id) in text)

    def _is_merchant(self, part: Mapping[str, Any]) -> bool:
        return self.merchant_id is None or _merchant(part) == str(self.merchant_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Referenced:
    """What asked for one transaction, or for the same again: one merchant's requests with its reference."""

    reference_type: str
    reference_id: str
    merchant_id: UUID

    def owns(self, part: Any) -> bool:
        """Whether an object of a message claims the reference."""
        if isinstance(part, list) or _merchant(part) != str(self.merchant_id):
            return False
        claimed = [
            ("match", part.get("match_id")),
            ("purchase", part.get("purchase_id")),
            (part.get("reference_type"), part.get("reference_id")),
        ]
        return (self.reference_type, self.reference_id) in claimed

    def is_named_in(self, text: str) -> bool:
        """Whether a text names the reference and the merchant."""
        return _has_word(text, self.reference_id) and str(self.merchant_id) in text


Subject = Shopper | Referenced


def is_about(message: Mapping[str, str], subject: Subject) -> bool:
    """Whether a stored message, as Message.as_text gives it, is about the subject; of one that is no JSON, names it."""
    body = Message.from_text(message).body
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # the latter where it is nested thousands deep
        return subject.is_named_in(body.decode(errors="replace"))
    return any(subject.owns(part) for part in _parts(content))


def message_without(message: Mapping[str, str], subject: Subject) -> dict[str, str]:
    """A stored message that can still be carried out, but tells nothing of the subject."""
    try:
        body = json.dumps(without(json.loads(Message.from_text(message).body), subject))
    except (ValueError, RecursionError):
        body = ""
    headers = json.loads(message["headers"])
    needed = {name: value for name, value in headers.items() if name in _NEEDED_HEADERS}
    return {**message, "headers": json.dumps(needed), "body": body, "body_encoding": "utf-8"}


def without(content: Any, subject: Subject) -> Any:
    """JSON values with the personal fields of every object about the subject emptied; all else stays."""
    if isinstance(content, list):
        is_own = isinstance(subject, Shopper) and subject.owns(content)
        return [
            REDACTED if is_own and _text(value) == subject.shopper_id else without(value, subject)  # type: ignore[union-attr]
            for value in content
        ]
    if not isinstance(content, dict):
        return content
    if subject.owns(content):
        content = {name: _EMPTY.get(name, value) for name, value in content.items()}
    return {name: without(value, subject) for name, value in content.items()}


_EMPTY: Mapping[str, Any] = {"shopper_id": REDACTED, "description": "", "metadata": {}}


def _parts(content: Any) -> Iterator[Any]:
    """The objects and arrays within JSON values, at any depth."""
    left = [content]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            left.extend(part.values())
            yield part
        elif isinstance(part, list):
            left.extend(part)
            yield part


def _text(value: Any) -> str | None:
    """An id as text, also where its producer wrote a number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _merchant(part: Mapping[str, Any]) -> str:
    return (_text(part.get("merchant_id")) or "").lower()


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
