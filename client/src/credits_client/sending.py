"""Sending: one or many, with the same checks, errors and reports whoever delivers them."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self
from uuid import UUID

from credits_client.bulk import CHUNK_MESSAGES, FAILURE_LIMIT, Bulk
from credits_client.commands import Command
from credits_client.errors import NotConfirmed
from credits_client.events import PlainEvent
from credits_client.flight import Answer
from credits_client.messages import Message, Sender
from credits_client.reports import Report, Sendable
from credits_client.verbs import Verbs


class Sending(Verbs):
    """What the producer and its double have in common."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @abstractmethod
    def close(self) -> None:
        """Close the connection. Sending again opens a new one."""

    @abstractmethod
    def _deliver(self, messages: Sequence[Message]) -> list[Answer]:
        """One answer for each message."""

    def send(self, what: Command | PlainEvent, *, message_id: UUID | str | None = None) -> str:
        """Send one; returns its message id once the broker has confirmed it.

        Raises NotConfirmed: Unroutable, Nacked, BrokerRefused, BrokerUnreachable or DeliveryUnknown.
        """
        message = self._sender.message(what, message_id=message_id)
        (answer,) = self._deliver([message])
        if isinstance(answer, NotConfirmed):
            raise answer
        return message.message_id

    def send_many(
        self,
        sendables: Iterable[Sendable],
        *,
        chunk_messages: int = CHUNK_MESSAGES,
        failure_limit: int = FAILURE_LIMIT,
    ) -> Report:
        """Send many through one confirmed channel, chunk by chunk, so that memory stays flat; returns the report.

        A pair of task name and fields is checked here, and a refusal stands in the report; the others are sent.
        Raises Interrupted, with the report, when the connection fails for good, the iterable raises, or
        failure_limit is reached.
        """
        bulk = Bulk(
            deliver=self._deliver,
            sender=self._sender,
            chunk_messages=chunk_messages,
            failure_limit=failure_limit,
        )
        return bulk.send(sendables)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
