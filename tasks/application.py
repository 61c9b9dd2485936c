"""The service's Celery application, where it does otherwise than Celery: how it sends commands and tells of results."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import structlog
from celery import Celery
from celery.result import AsyncResult

from ledger.links import COMMAND_TASKS

log = structlog.get_logger(__name__)

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
        """Celery's backend of results. One that is away tells nobody, and changes nothing of what was carried out.

        As Celery stands, a command that is posted would be told as failed, or never be acknowledged.
        """
        backend = super()._get_backend()
        backend.store_result = _or_not(backend.store_result)
        backend.on_chord_part_return = _or_not(backend.on_chord_part_return)
        return backend


def _or_not(tell: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(tell)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return tell(*args, **kwargs)
        except Exception as error:
            log.warning("a result is told to nobody", error=f"{type(error).__name__}: {error}")
            return None

    return told
