"""What the API learns of the broker: whether it is there, how much its queues hold, and never too late."""

import socket
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from creditsvc.celery import app
from creditsvc.probes import Bounded, broker_is_there, queue_depths
from tasks.topology import all_queues, declare
from tests.servers.ports import free_ports

# kombu's own tables of the embedded broker.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")

UseBroker = Callable[[str], None]


@pytest.fixture
def use_broker(monkeypatch: pytest.MonkeyPatch) -> UseBroker:
    """Has the probes look at another broker."""

    def use(url: str) -> None:
        monkeypatch.setitem(app.conf, "broker_url", url)
        monkeypatch.setitem(app.conf, "broker_transport_options", {})

    return use


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    return free_ports(1)[0]


def test_the_embedded_broker_is_there(use_broker: UseBroker, embedded_broker_url: str) -> None:
    use_broker(embedded_broker_url)

    assert broker_is_there() is True


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_broker_that_refuses_connections_is_away(use_broker: UseBroker, closed_port: int, scheme: str) -> None:
    use_broker(f"{scheme}://127.0.0.1:{closed_port}//")

    assert broker_is_there() is False
    assert queue_depths() is None


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_broker_that_says_nothing_is_away(use_broker: UseBroker, silent_port: int, scheme: str) -> None:
    use_broker(f"{scheme}://127.0.0.1:{silent_port}//")

    assert broker_is_there() is False
    assert queue_depths() is None


def test_a_question_without_an_answer_is_given_up_and_not_asked_again_while_it_is_under_way() -> None:
    asked: list[int] = []
    answered = Event()

    def wait() -> bool:
        asked.append(1)
        return answered.wait()

    question = Bounded(wait, seconds=0.01)

    given_up = [question.answer(), question.answer()]

    answered.set()
    assert given_up == [None, None]
    assert len(asked) == 1


def test_a_question_is_asked_anew_once_it_was_answered() -> None:
    numbers = iter((1, 2))
    question = Bounded(numbers.__next__, seconds=60)

    answers = [question.answer(), question.answer()]

    assert answers == [1, 2]


def test_the_embedded_brokers_queues_are_counted(use_broker: UseBroker, embedded_broker_url: str) -> None:
    use_broker(embedded_broker_url)
    send(3, queue="credits.consume")

    depths = queue_depths()

    assert depths is not None
    assert depths["credits.consume"] == 3
    assert depths.keys() == {queue.name for queue in all_queues(app)}


@pytest.mark.servers
def test_rabbitmqs_queues_are_counted_and_missing_ones_left_out(use_broker: UseBroker, rabbitmq_url: str) -> None:
    use_broker(rabbitmq_url)
    before = queue_depths()
    declare(app)
    send(3, queue="credits.consume")

    depths = queue_depths()

    assert broker_is_there() is True
    assert before == {}
    assert depths is not None
    assert depths["credits.consume"] == 3
    assert depths["credits.grants"] == 0


@pytest.mark.servers
def test_rediss_queues_are_counted(use_broker: UseBroker, redis_url: str) -> None:
    use_broker(redis_url)
    send(3, queue="credits.consume")

    assert broker_is_there() is True
    assert queue_depths() == {"credits.consume": 3}


def send(count: int, *, queue: str) -> None:
    """Put messages into a queue as a producer of the simplest kind does."""
    with app.connection_for_write() as connection, connection.Producer() as producer:
        for _ in range(count):
            producer.publish({}, routing_key=queue, exchange="")
