"""The request: a command as it reached the service, with what the journal must know of its way here."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from ledger.commands import Command
from ledger.messages import Message


class Request(NamedTuple):
    """One command to be decided.

    correlation_id is on every row, event and log line that follows. message gives the message that brought it,
    whole; it is called only where the request waits, is parked or traced, and is None for a request of our own. due_at
    is its eta, where that lies ahead. traceparent names the span that events go on from, where it is traced. producer
    is the broker's user who sent it, where the broker has validated that. replay names the replay of a parked message
    that brought it (ledger.messages.REPLAY_OF), if it was one.
    """

    command: Command
    correlation_id: str
    message: Callable[[], Message] | None = None
    due_at: datetime | None = None
    traceparent: str = ""
    producer: str = ""
    replay: str = ""
