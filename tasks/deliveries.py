"""Deliveries: one message from the broker with what is to be done with it, until it is acknowledged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kombu.message import Message as BrokerMessage

from ledger.journal.keeping import Kept
from ledger.journal.parking import ToPark
from ledger.messages import SENT_FOR, UNTOLD, Message
from ledger.requests import Request
from tasks.encodings import is_for_text
from tasks.producers import USER_ID, producer_of
from tasks.topology import QUEUE, event_queues, queue_of, routing_key_of

# Bears a stored message's name when it is sent again: its routing key is then its queue's name.
SENT_AS = "x-credits-name"
# What comes back again and again may be what kills the worker: from so many redeliveries on its batch shrinks each
# time, until it is posted alone. Not at once: a worker that is killed gives back all that it held, innocent or not.
TIMES_REDELIVERED_IN_FULL = 2
FIRST_HALF = 256


@dataclass(slots=True)
class Parts:
    """How many parts of one message are still to be carried out."""

    left: int


@dataclass(slots=True)
class Delivery:
    """One message, or a part of it, and what becomes of it: requests to post, messages to park or to keep until due."""

    message: BrokerMessage
    name: str
    requests: list[Request] = field(default_factory=list)
    parked: list[ToPark] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    parts: Parts = field(default_factory=lambda: Parts(1))

    def split(self, share_of: Callable[[Request], int]) -> list["Delivery"]:
        """Its parts, one for each share of its requests.

        What has an item to park stays whole, and so does a suspect: it is to be found out by itself.
        """
        if len(self.requests) <= 1 or self.parked or self.largest_batch:
            return [self]
        by_share: dict[int, list[Request]] = {}
        for request in self.requests:
            by_share.setdefault(share_of(request), []).append(request)
        first, *others = by_share.values()
        parts = Parts(len(by_share))
        rest = [Delivery(self.message, self.name, requests=requests, parts=parts) for requests in others]
        return [replace(self, requests=first, parts=parts), *rest]

    def carried_out(self) -> bool:
        """Note that this part is; whether all of the message is now, which it never is once a part was given back."""
        self.parts.left -= 1
        return not self.parts.left

    @property
    def largest_batch(self) -> int | None:
        """How many messages its batch may hold at most, if it is suspect: it came back often, or was dead-lettered."""
        if "x-death" in self.message.headers:
            return 1
        times = redeliveries(self.message) - TIMES_REDELIVERED_IN_FULL
        return max(1, FIRST_HALF >> times - 1) if times > 0 else None


def redeliveries(message: BrokerMessage) -> int:
    """How often the broker has delivered this message before (quorum queues count; 0 where nobody does)."""
    count = message.headers.get("x-delivery-count", 0)
    return count if type(count) is int else 0


def published_as(message: BrokerMessage) -> str:
    """The key that an event was first published with; empty where it came straight to its queue, and has none.

    What is sent again goes there too, and bears it as a header. Whoever may only write to an exchange is held to the
    key that it was published with, by whichever it was routed: RabbitMQ takes more of them out of the header CC.
    """
    sent_as = _headers_of(message).get(SENT_AS)
    if routing_key := routing_key_of(message):
        return routing_key
    return sent_as if isinstance(sent_as, str) and sent_as not in event_queues() else ""


def whole(message: BrokerMessage, *, name: str | None = None) -> Message:
    """A broker's message as the ledger keeps it; name is its task or, of an event, what it was published as."""
    headers, queue = _headers_of(message), queue_of(message)
    # kombu has decompressed the body, unless it could not.
    dropped = OF_THE_BROKER if message.errors else OF_THE_BROKER | {"compression"}
    if name is None:
        task = published_as(message) if queue in event_queues() else headers.get("task")
        name = task if isinstance(task, str) else ""
    producer = sender_of(message)
    return Message(
        queue=queue,
        name=name,
        body=_body_of(message),
        headers={key: value for key, value in headers.items() if key not in dropped},
        properties={
            **{key: value for key, value in message.properties.items() if key not in OF_THE_TRANSPORT},
            "content_type": message.content_type,
            "content_encoding": message.content_encoding,
            **({USER_ID: producer} if producer else {}),
        },
    )


def bare(message: BrokerMessage) -> Message:
    """What can be kept of a message that surprises us: its body, and the rest as Python shows it."""
    shown = {"headers": repr(message.headers), "delivery_info": repr(message.delivery_info)}
    queue = message.delivery_info.get(QUEUE)
    return Message(queue=queue if isinstance(queue, str) else "", name="", body=_body_of(message), headers=shown)


def _headers_of(message: BrokerMessage) -> Mapping[str, Any]:
    return message.headers if isinstance(message.headers, Mapping) else {}


def sender_of(message: BrokerMessage) -> str:
    """The broker's user who sent a message, where that is known."""
    return producer_of(message, lambda: _body_of(message)) if isinstance(message.headers, dict) else ""


def _body_of(message: BrokerMessage) -> bytes:
    body = message.body
    return _encoded(body, message.content_encoding) if isinstance(body, str) else bytes(body or b"")


def _encoded(body: str, encoding: str | None) -> bytes:
    """A body that the transport has decoded, as it was sent."""
    try:
        return body.encode(encoding if encoding and is_for_text(encoding) else "utf-8", errors="surrogatepass")
    except ValueError:  # it holds more than its code has
        return body.encode(errors="surrogatepass")


# What the broker or the transport adds on the way and must not be sent again.
OF_THE_BROKER = frozenset(
    {
        "x-delivery-count",
        "x-death",
        "x-first-death-exchange",
        "x-first-death-queue",
        "x-first-death-reason",
        "x-last-death-exchange",
        "x-last-death-queue",
        "x-last-death-reason",
        "x-credits-id",
        SENT_AS,
        SENT_FOR,
        UNTOLD,
    }
)
OF_THE_TRANSPORT = frozenset(
    {"delivery_info", "delivery_tag", "body_encoding", "application_headers", "expiration", USER_ID}
)
