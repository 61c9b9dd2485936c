"""What every broker has in common: one kombu connection, opened when first needed and dropped after any failure."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kombu.connection import Connection

from credits_client.errors import Trouble
from credits_client.flight import Flight


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the broker is and how long one connect, write or confirm may take."""

    url: str = field(repr=False)  # holds a password
    source_service: str
    timeout_seconds: float
    transport_options: Mapping[str, Any]
    ssl: Mapping[str, Any] | bool


class Broker(ABC):
    """Carries flights over one connection; not thread-safe, the producer's lock is around it."""

    trouble: ClassVar[tuple[type[Exception], ...]]  # the errors after which another attempt makes sense

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = self._new_connection()

    def carry(self, flight: Flight) -> None:
        """Send what is unanswered and note the broker's answers.

        Raises Trouble where the connection failed; answers that had come by then are noted.
        """
        try:
            self.converse(flight)
        except BaseException as error:
            self.discard()  # whatever cut the conversation, a later answer must not be taken for another message's
            if isinstance(error, self.trouble):
                raise Trouble(f"{type(error).__name__}: {error}") from error
            raise

    @abstractmethod
    def converse(self, flight: Flight) -> None:
        """Send what is unanswered and note the broker's answers; raises its own errors."""

    def own_options(self) -> dict[str, Any]:
        """The transport options that this kind of broker needs; the caller's go before them."""
        return {}

    @abstractmethod
    def forget_channel(self) -> None:
        """Drop what hangs on the connection."""

    def connect(self) -> None:
        """Open the connection unless it is open. One attempt: the producer has its own patience, kombu's would add."""
        self.connection.ensure_connection(max_retries=0, reraise_as_library_errors=False)

    def discard(self) -> None:
        """Drop the connection without a word, and turn to the next address if the URL names several."""
        self.forget_channel()
        self.connection.collect()
        self.connection.maybe_switch_next()

    def close(self) -> None:
        """Close the connection politely; the next flight opens a new one."""
        self.forget_channel()
        self.connection.release()
        self.connection = self._new_connection()

    def after_fork(self) -> object:
        """Start anew in a forked child; returns the parent's connection, which the child must keep and never touch."""
        inherited = self.connection
        self.forget_channel()
        self.connection = self._new_connection()
        return inherited

    def _new_connection(self) -> Connection:
        return Connection(
            self.settings.url,
            connect_timeout=self.settings.timeout_seconds,
            ssl=self.settings.ssl,
            transport_options={**self.own_options(), **self.settings.transport_options},
        )
