"""The sender: a producer that sends until the broker has confirmed, again and again, through whatever is broken."""

import time
from collections.abc import Sequence
from threading import Event, Thread

from kombu import Connection
from kombu.exceptions import OperationalError

from tests.chaos.letter import Letter
from tests.chaos.mix import Mix
from tests.confirms import Unconfirmed

TICK_SECONDS = 0.25
PAUSE_SECONDS = 0.5
CONFIRM_WITHIN_SECONDS = 15.0


class Sender(Thread):
    """Sends a mix at a steady rate until it is told to stop; what can't be sent meanwhile is made up for."""

    def __init__(self, mix: Mix, *, broker_url: str, per_second: int) -> None:
        super().__init__(name="sender", daemon=True)
        self._mix = mix
        self._url = broker_url
        self._per_tick = max(1, round(per_second * TICK_SECONDS))
        self._stop_asked = Event()
        self._connection: Connection | None = None
        self.failure: BaseException | None = None
        self.attempts_failed = 0

    def run(self) -> None:
        try:
            while not self._stop_asked.wait(TICK_SECONDS):
                self.deliver(self._mix.some(self._per_tick))
        except BaseException as error:  # whoever joins is told of it
            self.failure = error

    def stop(self) -> None:
        """Send the rest, then end. Raises what ended the sender, if it did not end by itself."""
        self._stop_asked.set()
        self.join()
        if self.failure is not None:
            raise self.failure
        self.deliver(self._mix.closing())
        self._drop()

    def deliver(self, letters: Sequence[Letter]) -> None:
        """Send letters until each is confirmed; one that may have got there is sent again as it is."""
        while True:
            try:
                self._send(letters)
            except (*Connection(self._url).recoverable_connection_errors, OperationalError, OSError, RuntimeError):
                self.attempts_failed += 1
                self._drop()
                time.sleep(PAUSE_SECONDS)
            else:
                return

    def _send(self, letters: Sequence[Letter]) -> None:
        if self._connection is None:
            self._connection = Connection(self._url, connect_timeout=5)
            self._connection.connect()
            self._unconfirmed = Unconfirmed(self._connection) if self._is_rabbitmq(self._connection) else None
            self._producer = self._connection.Producer(auto_declare=False)
        for letter in letters:
            self._publish(letter)
        if self._unconfirmed is not None:
            self._unconfirmed.drain(timeout=CONFIRM_WITHIN_SECONDS)

    def _publish(self, letter: Letter) -> None:
        self._producer.publish(
            letter.body,
            exchange=letter.exchange,
            routing_key=letter.routing_key,
            headers=dict(letter.headers),
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
        )
        if self._unconfirmed is not None:
            self._unconfirmed.add()

    def _is_rabbitmq(self, connection: Connection) -> bool:
        return connection.transport.driver_type == "amqp"

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()
