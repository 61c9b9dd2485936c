"""The service's Celery application, where it sends otherwise than Celery does: what links lead to."""

from datetime import datetime, timedelta
from typing import Any

from celery import Celery
from celery.result import AsyncResult

from tasks.borders import COMMAND_TASKS

WAY = ("queue", "exchange", "routing_key")


class Application(Celery):
    """Sends a command where commands go, whatever a link says of that, and what is for later without a warning.

    An eta waits in the ledger's database. On RabbitMQ, Celery would warn of each that it may block a worker.
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
        if name in COMMAND_TASKS:
            options = {option: value for option, value in options.items() if option not in WAY}
        if countdown:
            eta = self.now() + timedelta(seconds=countdown)
        if eta:
            moment = eta.isoformat() if isinstance(eta, datetime) else eta
            options["headers"] = {**(options.get("headers") or {}), "eta": moment}
        return super().send_task(name, args, kwargs, **options)
