"""When the connection fails: the same message again, a few times, and then an error that says what is known."""

import json
import socket

import pytest
from credits_client import BrokerUnreachable, ConsumeMatch, DeliveryUnknown, Interrupted, Retry
from redis import Redis

from tests.client import examples
from tests.client.conftest import arrived, declare
from tests.proxy import Proxy
from tests.servers import Redis as RedisServer


def matches(count):
    return (ConsumeMatch(**examples.match(number)) for number in range(count))


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_without_any_connection_the_message_never_left(producer, closed_port, scheme):
    with pytest.raises(BrokerUnreachable, match="refused"):
        producer(f"{scheme}://127.0.0.1:{closed_port}/0").purchase(**examples.PURCHASE)


def test_without_any_connection_sending_many_stops_at_the_first_chunk(producer, closed_port):
    sender = producer(f"amqp://127.0.0.1:{closed_port}//")

    with pytest.raises(Interrupted) as interrupted:
        sender.send_many(matches(100), chunk_messages=10)

    report = interrupted.value.report
    assert (report.taken, report.confirmed, len(report.failures)) == (10, 0, 10)
    assert {type(failure.error) for failure in report.failures} == {BrokerUnreachable}


def test_waits_double_up_to_the_longest_and_end():
    waits = list(Retry(attempts=6, first_wait_seconds=1.0, longest_wait_seconds=5.0).waits())

    fulls = [1.0, 2.0, 4.0, 5.0, 5.0]
    assert len(waits) == len(fulls)
    assert all(full / 2 <= wait <= full for wait, full in zip(waits, fulls, strict=True))


def test_one_attempt_means_no_wait():
    assert list(Retry(attempts=1).waits()) == []


@pytest.mark.servers
@pytest.mark.parametrize("broker", ["rabbitmq", "redis"])
def test_a_connection_that_was_cut_while_idle_is_opened_again(producer, request, broker):
    url = request.getfixturevalue(broker)
    with Proxy(url) as proxy:
        sender = producer(proxy.url)
        sender.consume_match(**examples.match(1))
        proxy.cut()

        sender.consume_match(**examples.match(2))

        bodies = [json.loads(message.body)[1]["match_id"] for message in arrived(url, "credits.consume")]
        assert bodies == ["match-1", "match-2"]


@pytest.mark.servers
def test_without_an_answer_it_is_unknown_whether_the_message_arrived(producer, rabbitmq):
    with Proxy(rabbitmq) as proxy:
        sender = producer(proxy.url, timeout_seconds=0.3, retry=Retry(attempts=1))
        sender.consume_match(**examples.match(1))
        proxy.silence()

        with pytest.raises(DeliveryUnknown) as unknown:
            sender.consume_match(**examples.match(2))

        proxy.speak()
        sender.send(ConsumeMatch(**examples.match(2)), message_id=unknown.value.message_id)
        ids = [message.headers["id"] for message in arrived(rabbitmq, "credits.consume")]
        assert ids[1:] == [unknown.value.message_id] * 2


@pytest.mark.servers
def test_without_an_answer_of_redis_it_is_unknown_whether_the_message_arrived(producer):
    with RedisServer.in_memory() as server, Redis.from_url(server.url) as client:
        declare(server.url)
        sender = producer(server.url, timeout_seconds=0.3, retry=Retry(attempts=1))
        sender.consume_match(**examples.match(1))
        client.client_pause(timeout=60_000, all=False)  # writes wait; the bindings can still be read

        with pytest.raises(DeliveryUnknown):
            sender.consume_match(**examples.match(2))


@pytest.mark.servers
def test_a_late_confirm_is_not_taken_for_the_next_messages(producer, rabbitmq):
    with Proxy(rabbitmq) as proxy:
        sender = producer(proxy.url, timeout_seconds=0.3, retry=Retry(attempts=1))
        sender.consume_match(**examples.match(1))
        connections = proxy.accepted
        proxy.silence()
        with pytest.raises(DeliveryUnknown):
            sender.consume_match(**examples.match(2))
        proxy.speak()

        sender.consume_match(**examples.match(3))

        assert proxy.accepted == connections + 1


@pytest.mark.servers
@pytest.mark.parametrize("broker", ["rabbitmq", "redis"])
def test_many_survive_cuts_under_way(producer, request, broker):
    url = request.getfixturevalue(broker)
    with Proxy(url) as proxy:

        def cut_now_and_then():
            for number, command in enumerate(matches(300)):
                if number in (45, 155, 250):
                    proxy.cut()
                yield command

        report = producer(proxy.url).send_many(cut_now_and_then(), chunk_messages=50)

        assert (report.confirmed, report.failures) == (300, [])
        ids = {json.loads(message.body)[1]["match_id"] for message in arrived(url, "credits.consume")}
        assert ids == {f"match-{number}" for number in range(300)}


@pytest.mark.servers
def test_with_several_addresses_the_one_that_answers_is_found(producer, rabbitmq, closed_port):
    sender = producer(f"amqp://guest:guest@127.0.0.1:{closed_port}//;{rabbitmq}")

    sender.consume_match(**examples.MATCH)

    assert len(arrived(rabbitmq, "credits.consume")) == 1


@pytest.mark.servers
def test_a_caller_interrupted_while_it_waits_leaves_no_half_conversation(producer, rabbitmq, monkeypatch):
    with Proxy(rabbitmq) as proxy:
        sender = producer(proxy.url)
        sender.consume_match(**examples.match(1))
        connections = proxy.accepted
        monkeypatch.setattr("amqp.Connection.drain_events", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sender.consume_match(**examples.match(2))
        monkeypatch.undo()

        sender.consume_match(**examples.match(3))

        assert proxy.accepted == connections + 1


def interrupt(*_, **__):
    """What Ctrl-C does, or a time limit."""
    raise KeyboardInterrupt
