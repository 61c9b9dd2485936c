"""Bulk: takes commands chunk by chunk, sends each chunk, and reports what became of every command."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from credits_client.commands import Command, command
from credits_client.errors import BrokerUnreachable, DeliveryUnknown, FieldRefused, NotConfirmed
from credits_client.events import PlainEvent
from credits_client.flight import Answer
from credits_client.messages import Message, Sender
from credits_client.reports import Failure, Interrupted, Report, Sendable

CHUNK_MESSAGES = 1_000
CHUNK_BYTES = 4 * 1024 * 1024
FAILURE_LIMIT = 1_000

Deliver = Callable[[Sequence[Message]], Sequence[Answer]]


@dataclass(slots=True)
class _Chunk:
    """Messages that go together, and where each came from."""

    origins: list[tuple[int, Sendable]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    size_bytes: int = 0


class Bulk:
    """One run of CreditsProducer.send_many."""

    def __init__(self, *, deliver: Deliver, sender: Sender, chunk_messages: int, failure_limit: int) -> None:
        if chunk_messages < 1 or failure_limit < 1:
            raise ValueError("chunk_messages and failure_limit must be at least 1")
        self._deliver = deliver
        self._sender = sender
        self._chunk_messages = chunk_messages
        self._failure_limit = failure_limit
        self._report = Report()
        self._broken_by: Exception | None = None

    def send(self, sendables: Iterable[Sendable]) -> Report:
        """See CreditsProducer.send_many."""
        chunk = _Chunk()
        for what in self._taken(sendables):
            self._add(what, chunk)
            if self._is_due(chunk):
                self._send_chunk(chunk)
                chunk = _Chunk()
        self._send_chunk(chunk)
        if self._broken_by is not None:
            why = f"the next command could not be made: {type(self._broken_by).__name__}: {self._broken_by}"
            raise Interrupted(self._report, why) from self._broken_by
        return self._report

    def _taken(self, sendables: Iterable[Sendable]) -> Iterator[Sendable]:
        """What the caller gives, until its own code fails: what it gave before that is still to be sent."""
        try:
            yield from sendables
        except Exception as error:  # raised again, inside Interrupted
            self._broken_by = error

    def _add(self, what: Sendable, chunk: _Chunk) -> None:
        position = self._report.taken
        self._report.taken += 1
        try:
            checked = what if isinstance(what, Command | PlainEvent) else command(*what)
            message = self._sender.message(checked)
        except FieldRefused as refused:
            self._report.failures.append(Failure(position, what, refused))
            return
        chunk.origins.append((position, what))
        chunk.messages.append(message)
        chunk.size_bytes += len(message.body)

    def _is_due(self, chunk: _Chunk) -> bool:
        return (
            len(chunk.messages) >= self._chunk_messages
            or chunk.size_bytes >= CHUNK_BYTES
            or len(self._report.failures) >= self._failure_limit
        )

    def _send_chunk(self, chunk: _Chunk) -> None:
        lost: NotConfirmed | None = None
        answers = self._deliver(chunk.messages) if chunk.messages else []
        for (position, what), answer in zip(chunk.origins, answers, strict=True):
            if not isinstance(answer, NotConfirmed):
                self._report.confirmed += 1
                continue
            self._report.failures.append(Failure(position, what, answer))
            if isinstance(answer, DeliveryUnknown | BrokerUnreachable):
                lost = answer
        if lost is not None:
            raise Interrupted(self._report, "the connection to the broker failed in every attempt") from lost
        if len(self._report.failures) >= self._failure_limit:
            raise Interrupted(self._report, f"{self._failure_limit} failures are enough")
