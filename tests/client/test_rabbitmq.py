"""The client on a real RabbitMQ: with the least permissions, and told of every message what became of it."""

import json

import pytest
from celery import Celery
from credits_client import BrokerRefused, ConsumeMatch, Grant, MatchCompleted, Nacked, Purchase, Unroutable
from credits_client.send_task import through_exchange
from kombu import Connection

import celeryconfig
from tests.client import examples
from tests.client.conftest import arrived

pytestmark = pytest.mark.servers

NOTHING = "^$"


def matches(count):
    return (ConsumeMatch(**examples.match(number)) for number in range(count))


def match_ids(messages):
    return [json.loads(message.body)[1]["match_id"] for message in messages]


@pytest.fixture
def writer_url(rabbitmq, rabbitmq_admin):
    """A user who may write to credits.commands and do nothing else."""
    return rabbitmq_admin.create_user(configure=NOTHING, write=r"^credits\.commands$", read=NOTHING)


def test_a_user_who_may_only_write_to_the_exchange_is_enough(producer, rabbitmq, writer_url):
    sender = producer(writer_url)

    purchase_id = sender.purchase(**examples.PURCHASE)
    report = sender.send_many(matches(10))

    (grant,) = arrived(rabbitmq, "credits.grants")
    assert grant.headers["id"] == grant.properties["correlation_id"] == purchase_id
    assert (report.confirmed, report.failures) == (10, [])
    assert match_ids(arrived(rabbitmq, "credits.consume")) == [f"match-{number}" for number in range(10)]


def test_with_celery_alone_the_same_command_can_ask_for_its_result(rabbitmq, writer_url):
    with Celery(broker=writer_url, set_as_current=False) as app:
        app.conf.broker_transport_options = {"confirm_publish": True}
        app.send_task(**through_exchange(Purchase(**examples.PURCHASE)), ignore_result=False)

    (message,) = arrived(rabbitmq, "credits.grants")
    assert message.payload[:2] == [[], examples.PURCHASE]
    assert message.headers["ignore_result"] is False


def test_messages_are_persistent_json_of_protocol_2(producer, rabbitmq):
    producer(rabbitmq).purchase(**examples.PURCHASE)

    (message,) = arrived(rabbitmq, "credits.grants")
    assert message.properties["delivery_mode"] == 2
    assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
    assert message.headers["task"] == "credits.purchase"
    assert message.headers["ignore_result"] is True
    assert message.payload[:2] == [[], examples.PURCHASE]


def test_plain_events_reach_their_queues(producer, rabbitmq):
    sender = producer(rabbitmq)

    sender.merchant_created(**examples.EVENTS["evt.merchant.created.v1"])
    sender.match_completed(**examples.MATCH)

    (created,) = arrived(rabbitmq, "credits.inbound")
    (completed,) = arrived(rabbitmq, "credits.inbound.matches")
    assert created.payload["event_type"] == created.delivery_info["routing_key"] == "evt.merchant.created.v1"
    assert completed.payload["data"] == examples.MATCH


def test_a_message_that_no_queue_is_bound_for_is_an_error(producer, rabbitmq_url):
    with Connection(rabbitmq_url) as connection:
        celeryconfig.commands(connection.default_channel).declare()

    with pytest.raises(Unroutable, match=r"no queue for 'credits\.purchase'"):
        producer(rabbitmq_url).purchase(**examples.PURCHASE)


def test_an_exchange_that_is_not_there_is_an_error(producer, rabbitmq_url):
    with pytest.raises(BrokerRefused, match=r"no exchange 'credits\.commands'"):
        producer(rabbitmq_url).purchase(**examples.PURCHASE)


def test_an_exchange_that_the_user_may_not_write_to_is_an_error(producer, rabbitmq, writer_url):
    with pytest.raises(BrokerRefused, match="ACCESS_REFUSED"):
        producer(writer_url).match_completed(**examples.MATCH)


def test_after_a_refusal_the_same_producer_sends_on(producer, rabbitmq, writer_url):
    sender = producer(writer_url)
    with pytest.raises(BrokerRefused):
        sender.match_completed(**examples.MATCH)

    sender.consume_match(**examples.MATCH)

    assert match_ids(arrived(rabbitmq, "credits.consume")) == ["match-1"]


def test_a_wrong_password_is_an_error_at_once(producer, rabbitmq):
    user, _, place = rabbitmq.partition("@")

    with pytest.raises(BrokerRefused, match="ACCESS_REFUSED"):
        producer(f"{user}x@{place}").purchase(**examples.PURCHASE)


def test_among_many_a_return_is_told_of_its_own_command_alone(producer, rabbitmq):
    with Connection(rabbitmq) as connection:
        connection.default_channel.queue_unbind("credits.grants", "credits.commands", "credits.purchase")
    given = [*matches(3), Purchase(**examples.PURCHASE), *matches(2), Grant(**examples.ITEM)]

    report = producer(rabbitmq).send_many(given)

    assert [(failure.position, type(failure.error)) for failure in report.failures] == [(3, Unroutable)]
    assert report.confirmed == 6
    assert len(arrived(rabbitmq, "credits.consume")) == 5


def test_among_many_a_nack_is_told_of_its_own_command_alone(producer, rabbitmq_url):
    full = {"x-max-length": 2, "x-overflow": "reject-publish"}  # a classic queue keeps to the number exactly
    with Connection(rabbitmq_url) as connection:
        channel = connection.default_channel
        celeryconfig.commands(channel).declare()
        for queue, key, arguments in [("few", "credits.consume_match", full), ("many", "credits.purchase", {})]:
            channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
            channel.queue_bind(queue, "credits.commands", key)
    given = [*matches(2), Purchase(**examples.PURCHASE), *matches(1), Purchase(**examples.PURCHASE)]

    report = producer(rabbitmq_url).send_many(given)

    assert [(failure.position, type(failure.error)) for failure in report.failures] == [(3, Nacked)]
    assert report.confirmed == 4


def test_among_many_a_refused_exchange_is_told_of_its_own_events_alone(producer, rabbitmq, writer_url):
    sender = producer(writer_url)
    commands = list(matches(4))
    event = MatchCompleted(**examples.MATCH)

    report = sender.send_many([*commands[:2], event, *commands[2:]])

    assert [(failure.position, type(failure.error)) for failure in report.failures] == [(2, BrokerRefused)]
    assert set(match_ids(arrived(rabbitmq, "credits.consume"))) == {f"match-{number}" for number in range(4)}


def test_a_message_of_many_frames_arrives_whole(producer, rabbitmq):
    items = [{**examples.ITEM, "metadata": {"note": "é" * 3_000}} for _ in range(100)]

    producer(rabbitmq).consume_many(items)

    (message,) = arrived(rabbitmq, "credits.consume")
    assert len(message.body.encode()) > 131_072 * 4
    assert message.payload[1]["items"][99]["metadata"] == items[99]["metadata"]


def test_after_close_sending_opens_a_new_connection(producer, rabbitmq):
    sender = producer(rabbitmq)
    sender.consume_match(**examples.match(1))
    sender.close()

    sender.consume_match(**examples.match(2))

    assert match_ids(arrived(rabbitmq, "credits.consume")) == ["match-1", "match-2"]
