"""The relay: publishes outbox rows, and marks as published only those that the broker has confirmed."""

import struct
from collections.abc import Sequence
from threading import local

import structlog
from amqp.exceptions import AMQPError, NotFound
from celery import current_app
from django.db import Error as DjangoDatabaseError

from ledger import metrics
from ledger.errors import Trouble
from ledger.follow_ups import Destination
from ledger.journal.outbox import Recorded, lease_unpublished, mark
from ledger.journal.surely import through_trouble
from tasks import tracing
from tasks.outgoing import Outgoing, outgoing
from tasks.publishing import Published, Publisher, publisher_for
from tasks.shutdown import stopping

log = structlog.get_logger(__name__)

Errors = tuple[type[BaseException], ...]

# What a message that can't be put into frames or JSON raises; anything else tells of the broker.
OF_ONE_MESSAGE = (TypeError, ValueError, LookupError, ArithmeticError, RecursionError, struct.error)
# How the broker ends a connection or a channel, which one message may be the cause of: headers larger than a frame,
# a body larger than it takes. A time-out is none of these: it would be waited for again and again.
MAYBE_OF_ONE_MESSAGE = (*OF_ONE_MESSAGE, AMQPError, ConnectionError)


class Relay:
    """Publishes through a connection of the calling thread's own, opened when first needed."""

    def __init__(self) -> None:
        self._own = local()

    def publish(self, rows: Sequence[Recorded]) -> int:
        """Publish rows that are committed; how many were confirmed.

        Never raises for the broker's or the database's sake: what is not marked stays in the outbox, and the
        sweep publishes it again.
        """
        return self._publish(rows, OF_ONE_MESSAGE)

    def send(self, messages: Sequence[Outgoing]) -> bool:
        """Publish messages that are no outbox rows; whether every one of them was confirmed.

        Raises OF_ONE_MESSAGE where one can't be published at all: to send it again would be in vain.
        """
        is_connected = False
        try:
            publisher = self._publisher()
            is_connected = True
            published = publisher.publish(messages)
        except Exception as error:
            self._drop()
            if is_connected and isinstance(error, OF_ONE_MESSAGE):
                raise
            log.warning("messages could not be published", messages=len(messages), error=repr(error))
            return False
        if published.error:
            log.warning("messages were not confirmed", messages=len(messages), error=published.error)
        return len(published.confirmed) == len(messages)

    def sweep(self, *, limit: int) -> int:
        """Publish rows that nobody has published in time; how many were confirmed.

        Up to `limit` events, and of what goes straight to a queue: where one kind gets nowhere, the other goes on.
        """
        confirmed = 0
        for kind in ((Destination.MESSAGE, Destination.TASK), (Destination.EVENT,)):
            rows = lease_unpublished(limit=limit, of=kind)
            confirmed += self._publish(rows, MAYBE_OF_ONE_MESSAGE)
        return confirmed

    def _publish(self, rows: Sequence[Recorded], of_one: Errors) -> int:
        if not rows:
            return 0
        published = self._published(rows, of_one)
        self._mark(rows, published)
        return len(published.confirmed)

    def _published(self, rows: Sequence[Recorded], of_one: Errors) -> Published:
        """What became of rows. One that can't be published at all is found by halving, and holds up no other."""
        is_connected = False
        try:
            publisher = self._publisher()
            is_connected = True
            app = current_app._get_current_object()
            messages = [outgoing(app, row) for row in rows]
            if tracing.is_on():
                messages = tracing.published_in_spans(rows, messages)
            return publisher.publish(messages)
        except Exception as error:
            self._drop()
            log.warning("rows could not be published, the sweep will try again", rows=len(rows), error=repr(error))
            may_be_one = is_connected and isinstance(error, of_one) and not isinstance(error, NotFound)
            if len(rows) == 1 or not may_be_one:
                return Published(error=repr(error))
        middle = len(rows) // 2
        first, second = self._published(rows[:middle], of_one), self._published(rows[middle:], of_one)
        return Published(
            first.confirmed | second.confirmed, first.unrouted | second.unrouted, first.error or second.error
        )

    def _publisher(self) -> Publisher:
        if getattr(self._own, "publisher", None) is None:
            self._own.publisher = publisher_for(current_app)
        publisher: Publisher = self._own.publisher
        return publisher

    def _drop(self) -> None:
        publisher, self._own.publisher = getattr(self._own, "publisher", None), None
        if publisher is not None:
            publisher.close()

    def _mark(self, rows: Sequence[Recorded], published: Published) -> None:
        confirmed, unrouted = published.confirmed, published.unrouted
        metrics.count_published(
            confirmed=len(confirmed) - len(unrouted), unrouted=len(unrouted), failed=len(rows) - len(confirmed)
        )
        error = published.error or "not confirmed"
        again = iter((True, False))  # once, by a new connection: this one may have been cut meanwhile
        try:
            through_trouble(
                lambda: mark(rows, confirmed=confirmed, unrouted=unrouted, error=error),
                pause=lambda _: next(again) and not stopping.is_set(),
            )
        except (Trouble, DjangoDatabaseError) as failed:
            # They were published; the sweep publishes them once more, which "at least once" allows.
            cause = failed.__cause__ or failed
            log.warning("published events could not be marked", rows=len(rows), error=str(cause).strip())


relay = Relay()
