"""The door: whatever Celery's own handler chokes on is parked, and what is no message's fault goes on rising."""

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from celery.bootsteps import CLOSE, RUN
from celery.concurrency.thread import TaskPool
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError
from kombu.message import Message as BrokerMessage

from creditsvc.celery import app
from ledger.commands import COMMANDS
from tasks.deliveries import Delivery
from tasks.door import Door
from tests.tasks.channels import Broker


class Gathering:
    """A gatherer that carries nothing out."""

    def __init__(self) -> None:
        self.expected: list[BrokerMessage] = []
        self.deliveries: list[Delivery] = []
        self.expect = self.expected.append
        self.add = self.deliveries.append


@pytest.fixture
def door_before(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Door]:
    """A door before that handler of Celery's, without a worker round it."""

    def make(handle: Callable[[BrokerMessage], Any]) -> Door:
        monkeypatch.setattr(Consumer, "create_task_handler", lambda *_: handle)
        door = Door.__new__(Door)
        door.app = app
        door.gatherer = Gathering()
        door.connection_errors, door.channel_errors = (ConnectionError,), ()
        door._early = deque()
        return door

    return make


def test_whatever_celery_runs_is_stored_before_it_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each connection anew: Celery makes its tracers again."""
    traced = []
    monkeypatch.setattr("tasks.door.stored", lambda trace: traced.append(trace) or trace)
    monkeypatch.setattr(Consumer, "update_strategies", lambda _: None)
    door = Door.__new__(Door)
    door.app = SimpleNamespace(tasks={name: SimpleNamespace(__trace__=name) for name in ("a", "b")})
    door.strategies = {}

    door.update_strategies()

    assert traced == ["a", "b"]


def test_of_celerys_own_tasks_none_that_starts_others_has_a_strategy() -> None:
    controller = SimpleNamespace(use_eventloop=True, state=SimpleNamespace(revoked=()))
    timer = SimpleNamespace(call_at=None)
    app.loader.import_default_modules()
    door = Door(lambda _: None, app=app, hostname="door@tests", pool=TaskPool(1), controller=controller, timer=timer)

    door.update_strategies()

    assert {name for name in door.strategies if name.startswith("celery.")} == {"celery.backend_cleanup"}
    assert set(COMMANDS) < door.strategies.keys()


@pytest.mark.parametrize("error", [TypeError("unhashable type: 'list'"), KeyError("id"), RuntimeError()])
def test_a_message_that_celery_chokes_on_is_parked(door_before: Callable[..., Door], error: Exception) -> None:
    def choke(_: BrokerMessage) -> None:
        raise error

    door = door_before(choke)
    message = Broker().deliver(body=b"no task", headers={"task": "any"})

    door.create_task_handler()(message)

    (delivery,) = door.gatherer.deliveries
    assert (delivery.message, delivery.requests) == (message, [])
    assert [(parked.reason, parked.message.body) for parked in delivery.parked] == [("not_a_task", b"no task")]
    assert door.gatherer.expected == [message]


def test_a_connection_lost_while_kombu_publishes_is_made_anew_and_does_not_end_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Celery's consumer starts again after connection_errors, and after nothing else."""
    started: list[int] = []

    class Blueprint:
        state = RUN

        def start(self, door: Door) -> None:
            started.append(len(started))
            if len(started) == 1:
                raise OperationalError("Server unexpectedly closed connection")
            self.state = CLOSE

        def restart(self, door: Door) -> None:
            """Nothing to stop."""

    door = Door(
        lambda _: None, app=app, hostname="door@tests", pool=TaskPool(1), controller=SimpleNamespace(use_eventloop=True)
    )
    door.blueprint = Blueprint()
    door.connection = object()
    monkeypatch.setattr(door, "on_close", lambda: None)
    monkeypatch.setattr(door, "on_connection_error_after_connected", lambda _: None)  # warns of Celery 6

    door.start()

    assert started == [0, 1]


@pytest.mark.parametrize("exchange", ["credits.commands", ""])
@pytest.mark.parametrize("headers", [{}, {"task": None}, {"task": ["credits.consume"]}])
def test_a_message_that_names_its_task_in_its_body_starts_none(
    door_before: Callable[..., Door], headers: dict[str, Any], exchange: str
) -> None:
    handled: list[BrokerMessage] = []
    door = door_before(handled.append)
    body = b'{"task": "celery.starmap", "id": "x", "args": [], "kwargs": {}}'
    message = Broker().deliver(body=body, headers=headers, delivery_info={"exchange": exchange})

    door.create_task_handler()(message)

    assert handled == []
    assert [delivery.parked[0].reason for delivery in door.gatherer.deliveries] == ["not_a_task"]


@pytest.mark.parametrize("queue", ["credits.grants", "credits.consume"])
def test_what_is_for_the_producers_queues_starts_no_task_of_our_own(
    door_before: Callable[..., Door], queue: str
) -> None:
    """As what was parked and sent again: straight to its queue."""
    handled: list[BrokerMessage] = []
    door = door_before(handled.append)
    broker = Broker()
    tasks = ("credits.notify_low_balance", "credits.sweep_outbox", "credits.purchase")
    way = {"exchange": "", "routing_key": queue}
    for task in tasks:
        door.create_task_handler()(broker.deliver(headers={"task": task}, delivery_info=way))

    assert [message.headers["task"] for message in handled] == ["credits.purchase"]
    assert [delivery.parked[0].reason for delivery in door.gatherer.deliveries] == ["unknown_task"] * 2


def test_a_message_that_cannot_even_be_read_whole_ends_no_worker(
    door_before: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    def choke(*_: object) -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setattr("tasks.door.whole", choke)
    door = door_before(choke)
    message = Broker().deliver(body=b"{}", headers={"task": "any", "odd": "\ud800"}, delivery_info={"queue": "q"})

    door.create_task_handler()(message)

    (delivery,) = door.gatherer.deliveries
    kept = delivery.parked[0].message
    assert kept is not None
    assert (kept.queue, kept.body) == ("q", b"{}")
    assert "odd" in kept.headers["headers"]


def test_an_error_of_the_connection_is_no_messages_fault(door_before: Callable[..., Door]) -> None:
    def lose_the_connection(_: BrokerMessage) -> None:
        raise ConnectionError

    door = door_before(lose_the_connection)

    with pytest.raises(ConnectionError):
        door.create_task_handler()(Broker().deliver(headers={"task": "any"}))

    assert door.gatherer.deliveries == []


def test_what_came_before_celery_was_ready_is_handed_on_in_order(door_before: Callable[..., Door]) -> None:
    handled: list[BrokerMessage] = []
    door = door_before(handled.append)
    broker = Broker()
    early = [broker.deliver(headers={"task": "any"}) for _ in range(2)]
    for message in early:
        door.keep_early(message)

    door.create_task_handler()

    assert handled == early
