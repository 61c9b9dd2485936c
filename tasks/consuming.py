"""Consuming: RabbitMQ's messages taken as many at once as have arrived, instead of one frame at a time.

py-amqp and kombu make two time-outs, nine reads of the socket and three rounds of the event loop of each message, and
where another thread of this process is at work, each read waits for its turn. Here one read takes what has arrived.
"""

import errno
from collections import deque
from collections.abc import Callable
from ssl import SSLWantReadError
from typing import Any

from amqp import Message
from amqp.exceptions import RecoverableConnectionError
from amqp.method_framing import frame_handler
from celery.app.amqp import AMQP
from kombu import Connection as KombuConnection
from kombu.transport import pyamqp

from tasks.encodings import is_for_text
from tasks.frames import (
    BODY,
    DELIVER,
    HEADER,
    METHOD,
    Delivery,
    Frame,
    Unfamiliar,
    body_size,
    delivery_of,
    properties_of,
    readable,
    split,
)
from tasks.results import NOT_SENT, Untold
from tasks.topology import QUEUE

AT_ONCE = 256 * 1024  # bytes read at a time: some 250 messages
UNAVAILABLE = (errno.EAGAIN, errno.EINTR)


class Channel(pyamqp.Channel):
    """A channel that can be given a message instead of its frames, and that says of each where it was taken from."""

    def basic_consume(self, queue: str = "", *args: Any, callback: Callable[[Any], Any], **options: Any) -> Any:
        """Consume a queue, whose name each of its messages bears: a routing key is its sender's word."""

        def named(message: Any) -> None:
            message.delivery_info[QUEUE] = queue
            callback(message)

        return super().basic_consume(queue, *args, callback=named, **options)

    def dispatch_method(self, method_sig: Any, payload: Any, content: Any) -> None:
        """py-amqp's, but that no body is decoded by a code that is none for text, or takes for ever."""
        self.auto_decode = content is not None and is_for_text(content.properties.get("content_encoding"))
        super().dispatch_method(method_sig, payload, content)

    def on_delivery(self, delivery: Delivery, message: Message) -> None:
        """A message has been delivered."""
        self._on_basic_deliver(*delivery, message)


class Connection(pyamqp.Connection):
    """A connection that reads ahead: frames that were read, and that nobody has seen yet, wait here in their order."""

    Channel = Channel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"frame_handler": _of_any_key, **kwargs})
        self._ahead: deque[Frame] = deque()
        self.is_to_read: Callable[[], bool] = _always  # asked by the event loop before each read; it may wait

    def drain_arrived(self, *, timeout_s: float = 0) -> None:
        """Handle all that has arrived, once anything has. Raises TimeoutError where nothing does, or OSError."""
        with self.transport.having_timeout(timeout_s):
            frames, self.transport._read_buffer = split(self.transport._read_buffer + self._receive())
        self.bytes_recv += len(frames)  # what tells the heartbeat that the broker is there
        self._ahead.extend(frames)
        while self._ahead:
            self._handle_next()

    def read(self) -> None:
        """Handle what the socket holds, if it is to be read now; else whoever looks for it asks again."""
        if not self.is_to_read():
            return
        try:
            self.drain_arrived()
        except TimeoutError:
            return
        except OSError as error:
            if error.errno not in UNAVAILABLE:
                raise

    def read_on(self) -> None:
        """Handle what TLS has taken off the socket already, by a read or by who waited for an answer: it wakes nobody.

        What is not to be read yet is left to the next time: the loop is awake then, for what it is to do first.
        """
        pending = getattr(self.transport.sock, "pending", None)
        while pending is not None and pending() and self.is_to_read():
            self.drain_arrived()

    def blocking_read(self, timeout: float | None = None) -> Any:
        """One frame, for whoever waits for an answer in the midst of what was read ahead, or with nothing ahead."""
        return self._handle_next() if self._ahead else super().blocking_read(timeout)

    def collect(self) -> None:
        """Forget the connection, and with it what nobody has seen: the broker delivers it again."""
        self._ahead.clear()
        super().collect()

    def _receive(self) -> bytes:
        """Bytes, at least one. Any error but that there are none now means that the connection is gone."""
        try:
            data: bytes = self.transport.sock.recv(AT_ONCE)
        except (TimeoutError, BlockingIOError, InterruptedError, SSLWantReadError):
            raise
        except OSError:
            self.transport.connected = False
            raise
        if not data:
            self.transport.connected = False
            raise OSError("Server unexpectedly closed connection")
        return data

    def _handle_next(self) -> Any:
        """Handle what comes next; whether that was a method, as py-amqp wants to know."""
        frame = self._ahead.popleft()
        return self._take_message(frame) or self.on_inbound_frame(frame)

    def _take_message(self, frame: Frame) -> bool:
        """Take a delivered message at once, if one comes next, has all arrived and holds nothing unfamiliar."""
        kind, number, method = frame
        if kind != METHOD or not method.startswith(DELIVER) or len(self._ahead) < 2:
            return False
        header, body = self._ahead[0], self._ahead[1]
        channel = self.channels.get(number)
        is_whole = header[:2] == (HEADER, number) and body[:2] == (BODY, number)
        if not is_whole or len(body[2]) != body_size(header[2]) or channel is None or channel.is_closing:
            return False
        try:
            message = _message(header[2], body[2])
        except Unfamiliar:
            return False
        self._ahead.popleft()
        self._ahead.popleft()
        channel.on_delivery(delivery_of(method), message)
        return True


def _of_any_key(*given: Any) -> Callable[[Frame], Any]:
    handle: Callable[[Frame], Any] = frame_handler(*given)
    return lambda frame: handle(readable(frame))


def _always() -> bool:
    return True


def _message(header: bytes, body: bytes) -> Message:
    """What py-amqp makes of these frames. Raises Unfamiliar where it must do so itself."""
    message = Message()
    message.properties = properties_of(header)
    encoding = message.properties.get("content_encoding")
    message.body = _decoded(body, encoding) if encoding else body
    return message


def _decoded(body: bytes, encoding: str) -> str:
    if encoding != "utf-8":
        raise Unfamiliar(encoding)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Unfamiliar("not what it says it is") from error


class ReadingAhead:
    """What both transports have in common: the connection, and how the worker's event loop reads from it."""

    Connection = Connection

    def _make_reader(self, connection: Any) -> Callable[[Any], None]:
        def read(_: Any) -> None:
            if not connection.connected:
                raise RecoverableConnectionError("Socket was disconnected")
            connection.read()

        return read


class Transport(ReadingAhead, pyamqp.Transport):
    """RabbitMQ."""


class TLSTransport(ReadingAhead, pyamqp.SSLTransport):
    """RabbitMQ over TLS."""


READING_AHEAD = {pyamqp.Transport: Transport, pyamqp.SSLTransport: TLSTransport}


class BrokerConnection(KombuConnection):
    """A connection by whose URL RabbitMQ is read ahead; to other brokers it is kombu's own."""

    def get_transport_cls(self) -> Any:
        """The transport's class."""
        usual = super().get_transport_cls()
        return READING_AHEAD.get(usual, usual)


class Amqp(AMQP):
    """What a Celery application connects by: `Celery(…, amqp="tasks.consuming:Amqp")`."""

    Connection = BrokerConnection

    def _retry_publish(self, publish: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Send what follows a task that is carried out.

        Raises Untold where that can't be done: the task comes again, changes nothing more, and has it sent then. Celery
        would tell it as failed, and what was to follow would be lost.
        """
        try:
            return super()._retry_publish(publish, *args, **options)
        except NOT_SENT as error:
            raise Untold(f"a link: {error}") from error
