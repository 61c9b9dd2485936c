"""The double that users test with: the same methods and checks as the producer, and it can be told to fail."""

import inspect

import pytest
from credits_client import ConsumeMatch, CreditsProducer, DeliveryUnknown, FieldRefused, Interrupted, Nacked, Unroutable
from credits_client.testing import RecordingProducer
from credits_client.verbs import Verbs

from tests.client import examples

COMPLETE = {**examples.COMMANDS, **examples.EVENTS}


def say(producer, name):
    """Call the method for the command or event of that name."""
    fields = COMPLETE[name]
    verb = getattr(producer, examples.VERBS[name])
    return verb(fields["items"]) if name == "credits.consume_many" else verb(**fields)


@pytest.mark.parametrize("name", COMPLETE)
def test_every_command_and_event_has_its_method(name):
    producer = RecordingProducer()

    message_id = say(producer, name)

    (sent,) = producer.sent
    assert (sent.name, sent.message.message_id) == (name, message_id)
    assert {**sent.fields, **COMPLETE[name]} == sent.fields or name == "credits.consume_many"


def test_no_method_is_without_its_command_or_event():
    verbs = {name for name, _ in inspect.getmembers(Verbs, inspect.isfunction) if not name.startswith("_")}

    assert verbs == {"send", *examples.VERBS.values()}


def test_the_double_has_the_producers_methods():
    def methods(of):
        return {
            name: inspect.signature(method)
            for name, method in inspect.getmembers(of, inspect.isfunction)
            if not name.startswith("_")
        }

    ours = methods(RecordingProducer)
    ours.pop("fail_next")

    assert ours == methods(CreditsProducer)


def test_the_double_refuses_what_the_producer_would():
    producer = RecordingProducer()

    with pytest.raises(FieldRefused):
        producer.purchase(merchant_id="me", credits=5, purchase_id="purchase-1")

    assert producer.sent == []


def test_told_to_fail_it_fails_so_often_and_then_sends():
    producer = RecordingProducer()
    producer.fail_next(Unroutable, times=2)

    for _ in range(2):
        with pytest.raises(Unroutable):
            producer.purchase(**examples.PURCHASE)
    producer.purchase(**examples.PURCHASE)

    assert [sent.name for sent in producer.sent] == ["credits.purchase"]


def test_a_failed_message_can_be_sent_again_under_its_id():
    producer = RecordingProducer()
    producer.fail_next(DeliveryUnknown)

    with pytest.raises(DeliveryUnknown) as unknown:
        producer.consume_match(**examples.MATCH)
    retried = producer.send(ConsumeMatch(**examples.MATCH), message_id=unknown.value.message_id)

    assert retried == unknown.value.message_id


def test_sending_many_reports_as_the_producer_does():
    producer = RecordingProducer()
    producer.fail_next(Nacked)

    report = producer.send_many(("credits.consume_match", examples.match(number)) for number in range(3))

    assert (report.taken, report.confirmed) == (3, 2)
    assert [(failure.position, type(failure.error)) for failure in report.failures] == [(0, Nacked)]
    assert [sent.fields["match_id"] for sent in producer.sent] == ["match-1", "match-2"]


def test_an_unknown_delivery_interrupts_sending_many():
    producer = RecordingProducer()
    producer.fail_next(DeliveryUnknown)

    with pytest.raises(Interrupted):
        producer.send_many([("credits.consume_match", examples.MATCH)])
