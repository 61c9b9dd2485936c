"""A producer for the tests of those who send: checks like the real one, sends nothing, can be told to fail."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from credits_client.errors import NotConfirmed
from credits_client.flight import CONFIRMED, Answer
from credits_client.messages import Message, Sender
from credits_client.routes import EVENTS_EXCHANGE
from credits_client.sending import Sending


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that a real producer would have had confirmed.

    name is the task or event type; fields are its kwargs or its data, as the service would read them.
    """

    name: str
    fields: dict[str, Any]
    message: Message

    @classmethod
    def of(cls, message: Message) -> Self:
        """What the message says."""
        body = json.loads(message.body)
        return cls(message.route.routing_key, body[1] if isinstance(body, list) else body["data"], message)


class RecordingProducer(Sending):
    """Stands in for CreditsProducer: the same methods, checks, errors and reports; sent holds what was confirmed."""

    def __init__(self, *, source_service: str = "tests", events_exchange: str = EVENTS_EXCHANGE) -> None:
        super().__init__(Sender(source_service, events_exchange))
        self.sent: list[Sent] = []

        self._failing: deque[tuple[type[NotConfirmed], str]] = deque()

    def fail_next(self, error: type[NotConfirmed], *, times: int = 1, why: str = "told to fail by the test") -> None:
        """Let the next messages, so many, meet this error instead: Unroutable, DeliveryUnknown, …"""
        self._failing.extend([(error, why)] * times)

    def close(self) -> None:
        """Nothing is open."""

    def _deliver(self, messages: Sequence[Message]) -> list[Answer]:
        return [self._answer(message) for message in messages]

    def _answer(self, message: Message) -> Answer:
        if self._failing:
            error, why = self._failing.popleft()
            return error(message.message_id, why)
        self.sent.append(Sent.of(message))
        return CONFIRMED
