"""Control: what workers ask each other and answer to `inspect`, none of which is worth waiting for the broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.app.control import Control as CeleryControl
from kombu.pidbox import Mailbox as KombuMailbox

# One more time, by a new connection: the one that was kept for this may be an old one.
TWICE = {"max_retries": 1}


class Mailbox(KombuMailbox):
    """A mailbox that does not try for ever to publish; what can't be raises kombu's OperationalError.

    kombu tries until the broker is there, silently and in the consumer's thread: where it goes away in the midst of an
    answer, or of the greeting at a worker's start, the worker would not stop when it is told to.
    """

    @contextmanager
    def producer_or_acquire(self, producer: Any = None, channel: Any = None) -> Iterator["Impatient"]:
        """What the mailbox publishes by."""
        with super().producer_or_acquire(producer, channel) as found:
            yield Impatient(found)


class Impatient:
    """A producer that tries twice."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    def publish(self, *args: Any, **options: Any) -> Any:
        """As the producer does."""
        return self._producer.publish(*args, **options, retry_policy=TWICE)


class Control(CeleryControl):
    """What a Celery application is controlled by: `Celery(…, control="tasks.control:Control")`."""

    Mailbox = Mailbox
