"""The client on a real Redis, where exchanges are only tables of bindings and nothing is mandatory."""

import json
from urllib.parse import urlsplit, urlunsplit

import pytest
from credits_client import BrokerRefused, ConsumeMatch, MatchCompleted, Purchase, Unroutable
from kombu import Connection, Exchange, Queue
from redis import Redis

from tests.client import examples
from tests.client.conftest import arrived

pytestmark = pytest.mark.servers


def matches(count):
    return (ConsumeMatch(**examples.match(number)) for number in range(count))


def test_a_command_reaches_its_queue_as_if_through_the_exchange(producer, redis):
    message_id = producer(redis).purchase(**examples.PURCHASE)

    (message,) = arrived(redis, "credits.grants")
    assert message.headers["id"] == message.properties["correlation_id"] == message_id
    assert message.payload[1] == examples.PURCHASE
    assert message.delivery_info["exchange"] == "credits.commands"
    assert message.delivery_info["routing_key"] == "credits.purchase"


def test_plain_events_reach_their_queues(producer, redis):
    sender = producer(redis)

    sender.merchant_created(**examples.EVENTS["evt.merchant.created.v1"])
    sender.match_completed(**examples.MATCH)

    (created,) = arrived(redis, "credits.inbound")
    (completed,) = arrived(redis, "credits.inbound.matches")
    assert created.payload["event_type"] == created.delivery_info["routing_key"] == "evt.merchant.created.v1"
    assert completed.payload["data"] == examples.MATCH


def test_many_arrive_in_order(producer, redis):
    report = producer(redis).send_many(matches(250), chunk_messages=100)

    assert (report.confirmed, report.failures) == (250, [])
    ids = [json.loads(message.body)[1]["match_id"] for message in arrived(redis, "credits.consume")]
    assert ids == [f"match-{number}" for number in range(250)]


def test_a_message_that_no_queue_is_bound_for_is_an_error(producer, redis_url):
    with pytest.raises(Unroutable, match=r"no queue for 'credits\.purchase'"):
        producer(redis_url).purchase(**examples.PURCHASE)

    with Redis.from_url(redis_url) as client:
        assert client.keys("credits*") == []


def test_a_binding_made_later_is_seen_by_the_same_producer(producer, redis_url, request):
    sender = producer(redis_url)
    with pytest.raises(Unroutable):
        sender.purchase(**examples.PURCHASE)
    request.getfixturevalue("redis")

    sender.purchase(**examples.PURCHASE)

    assert len(arrived(redis_url, "credits.grants")) == 1


def test_others_who_listen_to_the_events_get_them_too(producer, redis):
    exchange = Exchange("glam.events", type="topic", durable=True)
    with Connection(redis) as connection:
        other = Queue("analytics", exchange=exchange, routing_key="evt.ai.#")(connection.default_channel)
        other.declare()

        producer(redis).match_completed(**examples.MATCH)

        assert other.get(no_ack=True) is not None
    assert len(arrived(redis, "credits.inbound.matches")) == 1


def test_a_queue_bound_as_to_a_direct_exchange_gets_its_own_key_alone(producer, redis):
    exchange = Exchange("glam.events", type="direct")
    with Connection(redis) as connection:
        other = Queue("analytics", exchange=exchange, routing_key="evt.merchant.created.v1")(connection.default_channel)
        other.declare()
        sender = producer(redis)

        sender.match_completed(**examples.MATCH)
        sender.merchant_created(**examples.EVENTS["evt.merchant.created.v1"])

        assert other.get(no_ack=True).payload["event_type"] == "evt.merchant.created.v1"
        assert other.get(no_ack=True) is None


@pytest.fixture
def limited_url(redis, request):
    """A user who may read the bindings, and write to one of the queues."""
    name, password = "limited", "limited-in-a-test"
    with Redis.from_url(redis) as client:
        client.execute_command(
            *(
                "ACL",
                "SETUSER",
                name,
                "reset",
                "on",
                f">{password}",
                "+@all",
                "%R~_kombu.binding.*",
                "~credits.consume*",
            )
        )
        parts = urlsplit(redis)
        yield urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}"))
        client.execute_command("ACL", "DELUSER", name)


def test_among_many_a_refusal_is_told_of_its_own_command_alone(producer, redis, limited_url):
    given = [*matches(2), Purchase(**examples.PURCHASE), *matches(2)]

    report = producer(limited_url).send_many(given)

    assert [(failure.position, type(failure.error)) for failure in report.failures] == [(2, BrokerRefused)]
    assert report.confirmed == 4
    assert {message.payload[1]["match_id"] for message in arrived(redis, "credits.consume")} == {"match-0", "match-1"}


def test_a_wrong_password_is_an_error_at_once(producer, limited_url):
    with pytest.raises(BrokerRefused):
        producer(limited_url.replace("@", "x@")).purchase(**examples.PURCHASE)


def test_unroutable_events_do_not_keep_commands_back(producer, redis):
    with Redis.from_url(redis) as client:
        client.delete("_kombu.binding.glam.events")

    report = producer(redis).send_many([*matches(2), MatchCompleted(**examples.MATCH)])

    assert [(failure.position, type(failure.error)) for failure in report.failures] == [(2, Unroutable)]
    assert report.confirmed == 2
