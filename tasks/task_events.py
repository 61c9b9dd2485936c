"""Task events for what went through in batches, so that Flower and `celery events` see them once switched on."""

from collections.abc import Sequence
from typing import Any

from tasks.deliveries import Delivery

TOLD = ("root_id", "parent_id", "kwargsrepr")  # of a sender's headers, where they are texts


def tell(dispatcher: Any, batch: Sequence[Delivery]) -> None:
    """Send received, started and succeeded for each task of a settled batch, where somebody has enabled events."""
    if not (dispatcher and dispatcher.enabled):
        return
    if dispatcher.groups and "task" not in dispatcher.groups:  # it is there for the workers' own events alone
        return
    for delivery in batch:
        headers = delivery.message.headers
        if not isinstance(headers.get("id"), str) or delivery.parked:  # one that is no text takes the others' with it
            continue
        told = {name: value for name in TOLD if isinstance(value := headers.get(name), str)}
        about = {"uuid": headers["id"], "name": delivery.name}
        dispatcher.send(
            "task-received",
            **about,
            args="()",
            kwargs=told.get("kwargsrepr") or "{}",
            root_id=told.get("root_id"),
            parent_id=told.get("parent_id"),
            retries=0,
            eta=None,
            expires=None,
        )
        dispatcher.send("task-started", **about)
        dispatcher.send("task-succeeded", **about, result="", runtime=0)
