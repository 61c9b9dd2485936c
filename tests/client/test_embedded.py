"""The client on the embedded broker: straight to the queue, one at a time, for any process to take."""

import pytest
from celery import Celery
from credits_client import BrokerUnreachable, ConsumeMatch, CreditsProducer, UnknownBroker
from credits_client.send_task import to_queue

from tests.client import examples
from tests.client.conftest import arrived


def test_commands_and_events_reach_their_queues(producer, embedded_broker_url):
    sender = producer(embedded_broker_url)

    message_id = sender.purchase(**examples.PURCHASE)
    sender.match_completed(**examples.MATCH)

    (grant,) = arrived(embedded_broker_url, "credits.grants")
    (completed,) = arrived(embedded_broker_url, "credits.inbound.matches")
    assert grant.headers["id"] == grant.properties["correlation_id"] == message_id
    assert grant.payload[1] == examples.PURCHASE
    assert completed.payload["data"] == examples.MATCH


def test_many_arrive_in_order(producer, embedded_broker_url):
    report = producer(embedded_broker_url).send_many(ConsumeMatch(**examples.match(number)) for number in range(20))

    assert (report.confirmed, report.failures) == (20, [])
    ids = [message.payload[1]["match_id"] for message in arrived(embedded_broker_url, "credits.consume")]
    assert ids == [f"match-{number}" for number in range(20)]


def test_a_file_that_can_not_be_opened_is_an_error(producer, tmp_path):
    with pytest.raises(BrokerUnreachable, match="unable to open"):
        producer(f"sqla+sqlite:///{tmp_path}/nowhere/broker.sqlite3").purchase(**examples.PURCHASE)


def test_a_message_like_celerys_own_lies_beside_it(producer, embedded_broker_url):
    with Celery(broker=embedded_broker_url, set_as_current=False) as app:
        app.send_task(**to_queue(ConsumeMatch(**examples.MATCH)), ignore_result=True)
    producer(embedded_broker_url).consume_match(**examples.MATCH)

    celerys, ours = arrived(embedded_broker_url, "credits.consume")
    assert celerys.payload == ours.payload
    assert celerys.properties.keys() - ours.properties.keys() == {"reply_to"}
    assert (celerys.content_type, celerys.content_encoding) == (ours.content_type, ours.content_encoding)


@pytest.mark.parametrize("url", ["memory://", "sqs://", "", "localhost", "http://broker"])
def test_other_brokers_are_refused(url):
    with pytest.raises(UnknownBroker):
        CreditsProducer(url, source_service="tests")
