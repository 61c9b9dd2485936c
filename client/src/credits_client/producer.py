"""The producer: sends commands and plain events, and comes back only when the broker has confirmed them."""

import os
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from credits_client.brokers import Broker, Settings, broker_for
from credits_client.errors import BrokerUnreachable, DeliveryUnknown, Trouble
from credits_client.flight import Answer, Flight
from credits_client.messages import Message, Sender
from credits_client.retry import Retry
from credits_client.routes import EVENTS_EXCHANGE
from credits_client.sending import Sending


class CreditsProducer(Sending):
    """Sends over one connection, which is opened when first needed and kept until close().

    May be shared by threads: a lock lets one flight at a time through. May be inherited by a forked child, which
    opens a connection of its own. timeout_seconds bounds one connect, one write and one wait for confirms.
    transport_options and ssl go to kombu.Connection as they are.
    """

    def __init__(
        self,
        broker_url: str,
        *,
        source_service: str,
        events_exchange: str = EVENTS_EXCHANGE,
        retry: Retry = Retry(),  # noqa: B008  (frozen)
        timeout_seconds: float = 30.0,
        transport_options: Mapping[str, Any] | None = None,
        ssl: Mapping[str, Any] | bool = False,
    ) -> None:
        super().__init__(Sender(source_service, events_exchange))
        self._retry = retry
        self._lock = threading.Lock()
        self._broker: Broker = broker_for(
            Settings(
                url=broker_url,
                source_service=source_service,
                timeout_seconds=timeout_seconds,
                transport_options=dict(transport_options or {}),
                ssl=ssl,
            )
        )
        _producers.add(self)

    def close(self) -> None:
        """Close the connection. Sending again opens a new one."""
        with self._lock:
            self._broker.close()

    def _deliver(self, messages: Sequence[Message]) -> list[Answer]:
        """One answer for each message, however often it takes to send what the broker has not answered."""
        flight = Flight(messages)
        waits_seconds = self._retry.waits()
        while True:
            try:
                with self._lock:
                    self._broker.carry(flight)
                return flight.answers()
            except Trouble as trouble:
                wait_seconds = next(waits_seconds, None)
                if wait_seconds is None:
                    error = DeliveryUnknown if flight.departed else BrokerUnreachable
                    flight.refuse_unanswered(error=error, why=str(trouble))
                    return flight.answers()
                time.sleep(wait_seconds)

    def _start_anew_in_child(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may have held it
        _inherited.append(self._broker.after_fork())


_producers: "weakref.WeakSet[CreditsProducer]" = weakref.WeakSet()
# A forked child must neither use nor close its parent's connections; kept, they are not even collected.
_inherited: list[object] = []


def _start_all_anew_in_child() -> None:
    for producer in list(_producers):
        producer._start_anew_in_child()


os.register_at_fork(after_in_child=_start_all_anew_in_child)
