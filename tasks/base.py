"""The base of the service's tasks: whatever a task fails of, its message is stored before it is acknowledged."""

import json
from typing import Any

from celery import Task
from celery.exceptions import Ignore, Reject, Retry

from ledger.errors import Trouble
from ledger.journal.parking import ToPark
from ledger.messages import Message
from ledger.outcomes import ParkReason
from tasks.acknowledging import is_gone
from tasks.errors import CommandParked
from tasks.handing import handed_to
from tasks.parking import store_or_give_back
from tasks.untold import CameTo


class StoredTask(Task):
    """Parks its message where it fails of anything unforeseen; gives it back where the worker stops in trouble."""

    abstract = True
    Strategy = "tasks.strategy:checked"
    acks_late = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task. Raises Reject where the message goes back to its queue, or is there already."""
        handed = handed_to(self)
        try:
            if handed is None:
                return self._run(args, kwargs)
            handed.is_run = True
            if is_gone(handed.arrived_on):
                # It waited here while its connection was lost. To run it all the same would keep those behind it
                # waiting for what the broker delivers again anyway, until that connection, too, is lost for their
                # being late.
                raise Reject("its connection is gone", requeue=True)
            handed.came_to = handed.came_to or self._came_to(args, kwargs)
            return handed.came_to.tell()
        except Trouble as trouble:
            raise Reject(str(trouble), requeue=True) from trouble

    def _came_to(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CameTo:
        try:
            return CameTo(outcome=self._run(args, kwargs))
        except CommandParked as parked:
            return CameTo(outcome=parked.outcome, is_failure=True)

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self.run(*args, **kwargs)
        except (CommandParked, Ignore, Reject, Retry, Trouble):
            raise
        except Exception as error:
            store_or_give_back(self._to_park(args, kwargs, error))
            raise

    def _to_park(self, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> ToPark:
        message = message_of(self, args, kwargs)
        return ToPark(
            message=message,
            reason=ParkReason.DEFECT,
            detail=f"{type(error).__name__}: {error}",
            correlation_id=str(message.headers.get("correlation_id") or ""),
        )


def message_of(task: Task, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Message:
    """The message that brought the task; put together again where the strategy did not hand it on."""
    if handed := handed_to(task):
        return handed.whole
    route = (task.app.conf.task_routes or {}).get(task.name, {})
    envelope = kwargs.get("envelope")
    correlation_id = envelope.get("correlation_id") if isinstance(envelope, dict) else None
    headers = {
        "task": task.name,
        "id": task.request.id,
        "root_id": task.request.root_id,
        "retries": task.request.retries,
        "correlation_id": correlation_id,
    }
    return Message(
        queue=route.get("queue", ""),
        name=task.name,
        headers={name: value for name, value in headers.items() if value is not None},
        properties={"content_type": "application/json", "content_encoding": "utf-8"},
        body=json.dumps([args, kwargs, {}], default=str).encode(),
    )
