"""The embedded broker's chores: its file stays small, and no chore keeps the other processes out of it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Consumer, Message, Queue

import celeryconfig
from tasks import embedded
from tasks.envelopes import NO_ENVELOPE

EVENTS, COMMANDS = celeryconfig.embedded_events_queue, Queue("credits.consume")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the broker of this test keeps its messages."""
    return tmp_path / "broker.sqlite3"


@pytest.fixture
def broker(file: Path) -> Iterator[Celery]:
    """An application with an embedded broker of its own: four commands, one of them taken, and five events."""
    with Celery(broker=f"sqla+sqlite:///{file}", set_as_current=False) as app:
        app.conf.embedded_events_queue = EVENTS
        for queue, count in ((EVENTS, 5), (COMMANDS, 4)):
            with app.connection_for_write() as connection, connection.Producer(auto_declare=False) as producer:
                queue(connection.default_channel).declare()
                for number in range(count):
                    producer.publish(number, exchange="", routing_key=queue.name)
        assert taken(app, COMMANDS, limit=1) == [0]
        yield app


def taken(app: Celery, queue: Queue, *, limit: int = 100) -> list[int]:
    """Take so many messages out of a queue, or all."""
    with app.connection_for_write() as connection:
        bound = queue(connection.default_channel)
        messages = [message for _ in range(limit) if (message := bound.get(no_ack=True))]
    return [message.payload for message in messages]


def test_pruning_leaves_what_nobody_took_and_the_newest_events(broker, file, monkeypatch):
    monkeypatch.setattr(embedded, "UNFETCHED_KEPT", 3)

    embedded.prune(broker)

    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT count(*) FROM kombu_message").fetchone() == (6,)
    assert taken(broker, EVENTS) == [2, 3, 4]
    assert taken(broker, COMMANDS) == [1, 2, 3]


def test_a_chore_that_fails_locks_nobody_out(broker, file, monkeypatch):
    monkeypatch.setattr(embedded, "UNFETCHED_KEPT", 0)
    with closing(sqlite3.connect(file)) as other:
        other.execute(
            "CREATE TRIGGER not_today BEFORE DELETE ON kombu_message WHEN OLD.visible = 1 "
            "BEGIN SELECT RAISE(ABORT, 'not today'); END"
        )

    with pytest.raises(Exception, match="not today") as failed:
        embedded.prune(broker)

    assert failed.tb  # held, and with it whatever the failed chore left open
    with closing(sqlite3.connect(file, timeout=0)) as other, other:
        other.execute("INSERT INTO kombu_queue (name) VALUES ('another')")


@pytest.mark.parametrize(
    "row", ["no JSON", "[]", '{"body": 1}', '{"headers": ' + "[" * 3_000 + "]" * 3_000 + "}", "9" * 5_000]
)
def test_a_row_that_is_no_message_is_handed_on_to_be_parked(broker: Celery, row: str) -> None:
    seen: list[Message] = []
    taken(broker, COMMANDS)
    with broker.connection_for_write() as connection:
        channel = connection.default_channel
        with channel.session as session:
            session.add(channel.message_cls(row, channel._get_or_create(COMMANDS.name)))
            session.commit()
        with Consumer(channel, [COMMANDS], on_message=seen.append, accept=["json"]):
            connection.drain_events(timeout=5)

    assert [message.content_type for message in seen] == [NO_ENVELOPE]
    assert seen[0].delivery_info["queue"] == COMMANDS.name


@pytest.mark.parametrize(
    ("body", "encoding", "headers"),
    [
        ("plain text, as another language writes it", None, {}),
        ("plain text", "utf-8", {}),
        ("e30=", "base64", {"at": {"__type__": "datetime", "__value__": "2026-01-01T00:00:00"}}),
    ],
)
def test_a_row_of_any_hand_goes_back_as_it_was_when_its_worker_stops(
    broker: Celery, file: Path, body: str, encoding: str | None, headers: dict[str, Any]
) -> None:
    seen: list[Message] = []
    taken(broker, COMMANDS)
    way = {"delivery_tag": "t", "delivery_info": {"exchange": "", "routing_key": COMMANDS.name}}
    row = {"body": body, "headers": headers, "properties": {"body_encoding": encoding, **way}}
    with broker.connection_for_write() as connection:
        channel = connection.default_channel
        with channel.session as session:
            session.add(channel.message_cls(json.dumps(row), channel._get_or_create(COMMANDS.name)))
            session.commit()
        with Consumer(channel, [COMMANDS], on_message=seen.append, accept=["json"]):
            connection.drain_events(timeout=5)

    assert len(seen) == 1
    with closing(sqlite3.connect(file)) as other:
        ((payload,),) = other.execute(
            "SELECT payload FROM kombu_message WHERE visible = 1 AND payload LIKE '%redelivered%'"
        )
    back = json.loads(payload)
    assert (back["body"], back["headers"], back["properties"]["body_encoding"]) == (body, headers, encoding)


def test_what_is_given_back_goes_to_where_it_was_taken_from(broker: Celery) -> None:
    seen: list[Message] = []
    taken(broker, COMMANDS)
    with broker.connection_for_write() as connection, connection.SimpleQueue(COMMANDS.name) as simple:
        simple.put({"by": "an exchange of the queue's name, which nobody else knows"})
    with broker.connection_for_write() as connection:
        with Consumer(connection.default_channel, [COMMANDS], on_message=seen.append, accept=["json"]):
            connection.drain_events(timeout=5)
        seen[0].delivery_info.update(exchange="nobody's", routing_key="nowhere")
        seen[0].requeue()

    assert len(taken(broker, COMMANDS)) == 1
