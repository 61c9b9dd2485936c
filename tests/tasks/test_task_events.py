"""Task events of what went through in batches: nothing that a sender wrote there keeps the others' from being sent."""

from typing import Any

from tasks.deliveries import Delivery
from tasks.task_events import tell
from tests.tasks.channels import Broker


class Dispatcher:
    """Keeps what it is told."""

    enabled, groups = True, ()

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def send(self, kind: str, **fields: Any) -> None:
        self.told.append({"kind": kind, **fields})


def test_a_message_whose_id_is_no_text_is_told_of_to_nobody() -> None:
    """Celery sends events in groups: one that can't be written as JSON takes the others with it."""
    dispatcher, headers = Dispatcher(), {"id": {b"\xff": True}}

    tell(dispatcher, [Delivery(Broker().deliver(headers=headers), "credits.consume")])

    assert dispatcher.told == []


def test_no_header_is_told_that_is_no_text() -> None:
    headers = {"id": "id-1", "root_id": "r", "parent_id": {b"\xff": 1}, "kwargsrepr": [1]}
    dispatcher = Dispatcher()

    tell(dispatcher, [Delivery(Broker().deliver(headers=headers), "credits.consume")])

    assert [told["kind"] for told in dispatcher.told] == ["task-received", "task-started", "task-succeeded"]
    received = dispatcher.told[0]
    assert (received["root_id"], received["parent_id"], received["kwargs"]) == ("r", None, "{}")
