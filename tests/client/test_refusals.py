"""A refusal is one named error that says which field and why; nothing is sent."""

import pickle

import pytest
from credits_client import Consume, DeliveryUnknown, FieldRefused, Interrupted, Purchase, Report, command
from credits_client.events import MerchantCreated
from credits_client.testing import RecordingProducer

from tests.client import examples


def test_building_a_command_checks_it():
    with pytest.raises(FieldRefused) as refusal:
        Purchase(**{**examples.PURCHASE, "credits": 0})

    assert (refusal.value.task, refusal.value.field) == ("credits.purchase", "credits")
    assert refusal.value.reason == "Input should be greater than or equal to 1"


def test_building_an_event_checks_it():
    with pytest.raises(FieldRefused) as refusal:
        MerchantCreated(**{**examples.EVENTS["evt.merchant.created.v1"], "shop_gid": ""})

    assert (refusal.value.task, refusal.value.field) == ("evt.merchant.created.v1", "shop_gid")


def test_a_refusal_names_every_refused_field():
    with pytest.raises(FieldRefused) as refusal:
        Purchase(merchant_id="me", credits=5)

    assert refusal.value.problems == (
        ("merchant_id", "must be a UUID of 36 characters"),
        ("purchase_id", "Field required"),
    )
    assert str(refusal.value) == (
        "credits.purchase: merchant_id: must be a UUID of 36 characters; purchase_id: Field required"
    )


def test_a_refused_item_is_named_by_its_place():
    items = [examples.ITEM, examples.ITEM, {**examples.ITEM, "amount": "7"}]

    with pytest.raises(FieldRefused) as refusal:
        RecordingProducer().consume_many(items)

    assert (refusal.value.task, refusal.value.field) == ("credits.consume_many", "items.2.amount")


def test_items_may_be_commands_that_were_built_before():
    producer = RecordingProducer()

    producer.consume_many([Consume(**examples.ITEM), examples.ITEM])

    (sent,) = producer.sent
    assert sent.fields["items"][0] == sent.fields["items"][1]


def test_the_callers_list_of_items_stays_as_it_is():
    items = [dict(examples.ITEM)]

    command("credits.consume_many", {"items": items})

    assert items == [examples.ITEM]


def test_an_unknown_command_is_refused():
    with pytest.raises(FieldRefused) as refusal:
        command("credits.steal", {})

    assert refusal.value.field == "task"


@pytest.mark.parametrize("fields", [{1: 2}, ["x"], None])
def test_fields_that_are_no_object_are_refused(fields):
    with pytest.raises(FieldRefused) as refusal:
        command("credits.purchase", fields)

    assert refusal.value.field == "fields"


def test_a_field_called_self_is_refused_like_any_unknown_one():
    with pytest.raises(FieldRefused) as refusal:
        command("credits.purchase", {**examples.PURCHASE, "self": 1})

    assert refusal.value.field == "self"


@pytest.mark.parametrize(
    "error",
    [
        FieldRefused("credits.grant", (("amount", "too much"),)),
        DeliveryUnknown("5b0bd3c5-9c5e-4b7e-8f69-0d7f1a1f0c11", "connection reset"),
        Interrupted(Report(taken=3, confirmed=2), "too many failures"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
