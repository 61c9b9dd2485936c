"""The service's Celery application, where it differs from Celery's own."""

from datetime import datetime, timedelta
from typing import Any

from celery import Celery
from celery.result import AsyncResult


class Application(Celery):
    """Sends at once what has an eta or a countdown, such as a link: it waits in the ledger's database, as all that has.

    For the sake of quorum queues Celery would send it to RabbitMQ's queues of delayed delivery, which are not there.
    """

    def send_task(
        self,
        name: str,
        args: Any = None,
        kwargs: Any = None,
        countdown: float | None = None,
        eta: datetime | str | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Send a task by its name, its time in the message's headers."""
        if countdown:
            eta = self.now() + timedelta(seconds=countdown)
        if eta:
            moment = eta.isoformat() if isinstance(eta, datetime) else eta
            options["headers"] = {**(options.get("headers") or {}), "eta": moment}
        return super().send_task(name, args, kwargs, **options)
