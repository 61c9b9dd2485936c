"""Control: a worker's answers to `inspect` and its like, none of which is worth waiting for the broker."""

from typing import Any

from celery.app.control import Control as CeleryControl
from kombu.pidbox import Mailbox as KombuMailbox

# One more time, by a new connection: the one that was kept for answers may be an old one.
TWICE = {"max_retries": 1}


class Mailbox(KombuMailbox):
    """A mailbox whose answers are not tried for ever.

    kombu tries until the broker is there, silently and in the consumer's thread: where it goes away in the midst of an
    answer, the worker would neither take messages elsewhere nor stop when it is told to.
    """

    def _publish_reply(self, *args: Any, **options: Any) -> None:
        super()._publish_reply(*args, retry_policy=TWICE, **options)


class Control(CeleryControl):
    """What a Celery application is controlled by: `Celery(…, control="tasks.control:Control")`."""

    Mailbox = Mailbox
