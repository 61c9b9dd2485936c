"""Control: an answer that the broker can't take is given up, and the worker goes on."""

import time
from threading import Thread

import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from tests.processes import eventually
from tests.proxy import Proxy

pytestmark = pytest.mark.servers

SOON_SECONDS = 20.0


def test_an_answer_is_not_tried_for_as_long_as_the_broker_is_away(rabbitmq_url: str) -> None:
    given_up: list[float] = []
    with (
        Proxy(rabbitmq_url) as proxy,
        Celery(broker=proxy.url, control="tasks.control:Control") as app,
        app.connection() as connection,
    ):
        mailbox, channel = app.control.mailbox(connection), connection.default_channel

        def answer() -> None:
            mailbox._publish_reply({"ok": "pong"}, "answers", "to whom", "ticket", channel=channel)

        def answer_in_vain() -> None:
            with pytest.raises(OperationalError):
                answer()
            given_up.append(time.monotonic())

        answer()
        proxy.close_door()
        Thread(target=answer_in_vain, daemon=True).start()
        eventually(lambda: given_up, timeout_seconds=SOON_SECONDS, what="an answer given up")
        connection.collect()
