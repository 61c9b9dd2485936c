"""The strategy of command tasks, Celery's extension point: plain messages are gathered, the others go Celery's way."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from celery.backends.base import DisabledBackend
from celery.worker import state
from celery.worker.strategy import default
from kombu.message import Message as BrokerMessage

from ledger.journal.keeping import Kept
from ledger.journal.parking import ToPark
from ledger.links import read_links
from ledger.messages import Message, moment_of, replay_in
from ledger.outcomes import ParkReason
from ledger.requests import Request
from tasks.deliveries import Delivery, sender_of, whole
from tasks.encodings import payload_of
from tasks.errors import Refusal
from tasks.handing import Handed, as_handed, encoded
from tasks.reading import correlation_id_of, read_command, read_correlation_id, to_park
from tasks.untold import CameTo, came_to_in

Handler = Callable[..., Any]
WITHOUT_LINKS = encoded({})
NO_LIMITS = (None, [None, None])


def gathered(task: Any, app: Any, consumer: Any) -> Handler:
    """Celery's strategy for one command task: what is done with each message as it arrives."""
    celerys_way = default(task, app, consumer)
    stores_results = not isinstance(app.backend, DisabledBackend)

    def on_message(message: BrokerMessage, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:
        envelope = Envelope(message, task.name, stores_results=stores_results)
        try:
            delivery = envelope.read()
        except Refusal as refusal:
            if not envelope.is_watched:
                consumer.gatherer.add(envelope.refused(refusal))
                return
            # Somebody waits for its result: the task itself parks it, and fails for all to see.
            handed = envelope.as_handed(refusal)
        else:
            if delivery is not None:
                consumer.gatherer.add(delivery)
                return
            handed = envelope.as_handed(None)
        consumer.gatherer.go_first()
        celerys_way(handed, body, ack, partial(consumer.gatherer.give_back_later, message), callbacks)

    return on_message


def checked(task: Any, app: Any, consumer: Any) -> Handler:
    """Celery's strategy for a task of the service's own, with what could not be read as one parked first.

    Celery itself reads a message in the pool, where one that is malformed is never acknowledged.
    """
    celerys_way = default(task, app, consumer)

    def on_message(message: BrokerMessage, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:
        envelope = Envelope(message, task.name, stores_results=False)
        try:
            envelope.check()
        except Refusal as refusal:
            consumer.gatherer.add(envelope.refused(refusal))
        else:
            celerys_way(message, body, ack, partial(consumer.gatherer.give_back_later, message), callbacks)

    return on_message


class Envelope:
    """One task message, opened: its headers, its fields, and whether anybody waits for what becomes of it."""

    def __init__(self, message: BrokerMessage, name: str, *, stores_results: bool) -> None:
        self.message = message
        self.name = name
        self.headers = message.headers
        self.is_watched = False
        self.correlation_id = ""
        self.kwargs: Any = None
        self.came_to: CameTo | None = None
        self._body = WITHOUT_LINKS  # what Celery gets to see of it
        self._stores_results = stores_results

    def read(self) -> Delivery | None:
        """What is to be done with the message; None where it goes Celery's own way. Raises Refusal.

        Its time is decided first, whatever else it carries: expired is refused, a future eta waits.
        """
        args, self.kwargs, embed = self._open()
        self.is_watched = self._asks()
        links = self._read_links(embed)
        self.came_to = came_to_in(self.headers)
        is_revoked = self._is_revoked()
        if self.came_to:
            return None
        self.is_watched = self.is_watched or bool(links) or is_revoked
        self.correlation_id = self._read_correlation_id()
        now = datetime.now(UTC)
        expires, eta = self._moment("expires"), self._moment("eta")
        if expires is not None and expires < now:
            raise Refusal(ParkReason.EXPIRED, field="expires", detail=f"expired at {expires.isoformat()}")
        if args:
            raise Refusal(ParkReason.POSITIONAL_ARGUMENTS, field="args", detail="use keyword arguments only")
        due_at = eta if eta is not None and eta > now and not is_revoked else None
        if self.is_watched:
            return self._kept(due_at) if due_at else None
        return self._delivery(due_at)

    def check(self) -> None:
        """Raise Refusal where Celery could not carry the message out as a task."""
        args, self.kwargs, _ = self._open()
        if not isinstance(args, list) or not isinstance(self.kwargs, dict):
            raise Refusal(ParkReason.NOT_A_TASK, field="body", detail="must be [args, kwargs, embed]")
        for name in ("eta", "expires"):
            self._moment(name)
        if self.headers.get("timelimit") not in NO_LIMITS:
            raise Refusal(ParkReason.INVALID_FIELD, field="timelimit", detail="a task of ours has none of its sender's")

    def as_handed(self, refusal: Refusal | None) -> BrokerMessage:
        """The message for Celery's own way: what the task needs of it, and what to start behind it."""
        handed = Handed(self._whole(), self.kwargs, refusal, self.message.channel, self.came_to)
        return as_handed(self.message, handed, body=self._body)

    def refused(self, refusal: Refusal) -> Delivery:
        """The message as it is parked."""
        message = self._whole()
        correlation_id = self.correlation_id or correlation_id_of(message)
        parked = to_park(refusal, message=message, correlation_id=correlation_id, fields=self.kwargs)
        return Delivery(self.message, self.name, parked=[parked])

    def _open(self) -> tuple[Any, Any, Any]:
        try:
            payload = payload_of(self.message)
        except Exception as error:
            raise Refusal(ParkReason.NOT_JSON, field="body", detail=str(error)) from error
        if not isinstance(payload, list) or len(payload) != 3 or not isinstance(payload[2] or {}, dict):
            raise Refusal(ParkReason.NOT_A_TASK, field="body", detail="must be [args, kwargs, embed]")
        if not isinstance(self.headers.get("id"), str):
            raise Refusal(ParkReason.NOT_A_TASK, field="id", detail="a task message has an id in its headers")
        return payload[0], payload[1], payload[2] or {}

    def _read_links(self, embed: dict[str, Any]) -> dict[str, Any]:
        try:
            links = read_links(embed)
            self._body = encoded(links) if links else self._body
        except ValueError as error:
            raise Refusal(ParkReason.INVALID_FIELD, field="embed", detail=str(error)) from None
        return links

    def _asks(self) -> bool:
        return self._stores_results and self.headers.get("ignore_result") is False

    def _is_revoked(self) -> bool:
        """Whether Celery is to drop it, whose way it therefore goes at once.

        What staff send again is not dropped, nor what is carried out already.
        """
        if replay_in(self.headers) or self.came_to:
            state.revoked.discard(self.headers["id"])
        return self.headers["id"] in state.revoked

    def _read_correlation_id(self) -> str:
        headers = self.headers
        return read_correlation_id(headers.get("correlation_id"), headers.get("root_id"), headers["id"])

    def _moment(self, name: str) -> datetime | None:
        value = self.headers.get(name)
        try:
            return None if value is None else moment_of(value)
        except ValueError as error:
            raise Refusal(ParkReason.INVALID_FIELD, field=name, detail=str(error)) from None

    def _kept(self, due_at: datetime) -> Delivery:
        kept = Kept(message=self._whole(), correlation_id=self.correlation_id, due_at=due_at)
        return Delivery(self.message, self.name, kept=[kept])

    def _delivery(self, due_at: datetime | None) -> Delivery:
        items = read_command(
            self.name,
            self.kwargs,
            correlation_id=self.correlation_id,
            whole=self._whole,
            producer=sender_of(self.message),
            replay=replay_in(self.headers),
        )
        return Delivery(
            self.message,
            self.name,
            requests=[_due(item, due_at) for item in items if isinstance(item, Request)],
            parked=[item for item in items if isinstance(item, ToPark)],
        )

    def _whole(self) -> Message:
        return whole(self.message, name=self.name)


def _due(request: Request, due_at: datetime | None) -> Request:
    return request if due_at is None else request._replace(due_at=due_at)
