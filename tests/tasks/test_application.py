"""The application: commands go where commands go, with their times in headers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from creditsvc.celery import app
from ledger.messages import moment_of

FAR = datetime(2090, 1, 1, tzinfo=UTC)
SENT_BY = {"queue": "orders", "exchange": "", "routing_key": "orders"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """What is sent to the broker: Celery's message, and how."""
    messages: list[tuple[Any, dict[str, Any]]] = []

    def send(_producer: Any, _name: str, message: Any, **options: Any) -> None:
        messages.append((message, options))

    monkeypatch.setattr(app.amqp, "send_task_message", send)
    return messages


def test_a_command_goes_where_commands_go(sent: list[tuple[Any, dict[str, Any]]]) -> None:
    app.send_task("credits.consume", kwargs={}, ignore_result=True, **SENT_BY)

    ((_, options),) = sent
    assert (options["queue"].name, options["routing_key"]) == ("credits.consume", "credits.consume")


@pytest.mark.parametrize(
    ("times", "name", "moment"),
    [
        ({"countdown": 60}, "eta", None),
        ({"eta": FAR}, "eta", FAR),
        ({"eta": FAR.isoformat()}, "eta", FAR),
        ({"expires": 60}, "expires", None),
        ({"expires": FAR}, "expires", FAR),
        ({"expires": FAR.isoformat()}, "expires", FAR),
    ],
)
def test_a_commands_times_are_the_workers_to_see_and_not_the_brokers(
    sent: list[tuple[Any, dict[str, Any]]], times: dict[str, Any], name: str, moment: datetime | None
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=60)

    app.send_task("credits.consume", kwargs={}, ignore_result=True, **times)

    ((_, options),) = sent
    assert "expiration" not in options
    assert abs(moment_of(options["headers"][name]) - (moment or soon)) < timedelta(seconds=5)
