"""The service's Celery application, where it does otherwise than Celery: how it sends commands and tells of results."""

from datetime import datetime, timedelta
from typing import Any

from celery import Celery
from celery.result import AsyncResult

from ledger.links import COMMAND_TASKS
from tasks.results import lasting

WAY = ("queue", "exchange", "routing_key")
Moment = datetime | str


class Application(Celery):
    """Sends a command where commands go, whatever a link says of that, with its times for the worker alone to see.

    An eta waits in the ledger's database: on RabbitMQ, Celery would warn of each that it may block a worker. What has
    expired is parked: by an `expiration` the broker would see to it, too, and it refuses one further off than 49 days.
    """

    def send_task(
        self,
        name: str,
        args: Any = None,
        kwargs: Any = None,
        countdown: float | None = None,
        eta: Moment | None = None,
        expires: float | Moment | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Send a task by its name, a command's times in its message's headers."""
        if name not in COMMAND_TASKS:
            return super().send_task(name, args, kwargs, countdown, eta, expires=expires, **options)
        options = {option: value for option, value in options.items() if option not in WAY}
        times = {"eta": self._moment(countdown or eta), "expires": self._moment(expires)}
        if any(times.values()):
            options["headers"] = {**(options.get("headers") or {}), **times}
        return super().send_task(name, args, kwargs, **options)

    def _moment(self, given: float | Moment | None) -> str | None:
        """A moment, or so many seconds from now, as a header has it."""
        if isinstance(given, str | None):
            return given
        moment: datetime = given if isinstance(given, datetime) else self.now() + timedelta(seconds=given)
        return moment.isoformat()

    def _get_backend(self) -> Any:
        return lasting(super()._get_backend())
