"""What a command may contain (docs/contract.md §1): integers, texts, ids, platforms and domains."""

from uuid import UUID

import pytest
from pydantic import ValidationError

from ledger.commands import (
    COMMANDS,
    Capture,
    ChangeShop,
    Consume,
    ConsumeMany,
    ConsumeMatch,
    Grant,
    OpenAccount,
    Purchase,
    Release,
    Reverse,
)
from ledger.fields import MAX_AMOUNT, PLATFORMS
from tests.ledger.complete import COMPLETE, MERCHANT, UNPRINTABLE, accepted, named, refused_field

AMOUNTS = [(Purchase, "credits"), (Grant, "amount"), (Consume, "amount")]
INTEGERS = [*AMOUNTS, (ConsumeMatch, "matched_items_count")]
TEXTS = [
    (OpenAccount, "platform_shop_id"),
    (Purchase, "purchase_id"),
    (Grant, "reference_id"),
    (Consume, "reference_id"),
    (ConsumeMatch, "match_id"),
    (ConsumeMatch, "shopper_id"),
    *((command, "correlation_id") for command in COMPLETE),
]
EVERY_TEXT = [
    *TEXTS,
    (OpenAccount, "platform_name"),
    (OpenAccount, "shop_domain"),
    (Grant, "reference_type"),
    (Grant, "description"),
    (Consume, "reference_type"),
    (Consume, "description"),
    (Capture, "hold_reference_id"),
    (Release, "hold_reference_type"),
    (Reverse, "original_reference_id"),
    (ChangeShop, "shop_domain"),
]


# Unknown and missing fields


def test_every_task_of_the_contract_has_its_command():
    tasks = {*COMMANDS, ConsumeMany.task}

    assert tasks == {
        "credits.open_account",
        "credits.start_trial",
        "credits.purchase",
        "credits.grant",
        "credits.consume_match",
        "credits.consume",
        "credits.consume_many",
        "credits.hold",
        "credits.capture",
        "credits.release",
        "credits.reverse",
        "credits.change_shop",
    }


@pytest.mark.parametrize("command", COMPLETE, ids=named)
def test_a_complete_command_is_accepted(command):
    assert accepted(command).model_dump(mode="json", exclude_unset=True) == COMPLETE[command]


@pytest.mark.parametrize("command", COMPLETE, ids=named)
def test_an_unknown_field_is_refused(command):
    assert refused_field(command, urgency="high") == ("urgency",)


@pytest.mark.parametrize(
    ("command", "field"), [(command, field) for command, fields in COMPLETE.items() for field in fields], ids=named
)
def test_a_missing_field_is_refused(command, field):
    fields = {name: value for name, value in COMPLETE[command].items() if name != field}

    with pytest.raises(ValidationError) as refusal:
        command.model_validate(fields)

    assert [(error["type"], error["loc"]) for error in refusal.value.errors()] == [("missing", (field,))]


@pytest.mark.parametrize(
    ("command", "field"), [(command, field) for command, fields in COMPLETE.items() for field in fields], ids=named
)
@pytest.mark.parametrize("value", [None, [], {}], ids=repr)
def test_a_field_of_another_type_is_refused(command, field, value):
    assert refused_field(command, **{field: value})[0] == field


@pytest.mark.parametrize("command", [*COMPLETE], ids=named)
def test_a_correlation_id_is_optional(command):
    assert accepted(command).correlation_id is None
    assert accepted(command, correlation_id="corr_0123456789ab").correlation_id == "corr_0123456789ab"


def test_a_command_never_changes_once_it_is_made():
    command = accepted(Purchase)

    with pytest.raises(ValidationError, match="frozen"):
        command.credits = 5


# Integers


@pytest.mark.parametrize(("command", "field"), INTEGERS, ids=named)
@pytest.mark.parametrize("value", [True, False, "5", 5.0, 5.5, float("nan"), float("inf"), b"5", [5]], ids=repr)
def test_integers_are_strict(command, field, value):
    assert refused_field(command, **{field: value}) == (field,)


@pytest.mark.parametrize(("command", "field"), AMOUNTS, ids=named)
@pytest.mark.parametrize("value", [0, -1, MAX_AMOUNT + 1, 2**63, 10**5000], ids=["0", "-1", "more", "2**63", "huge"])
def test_an_amount_outside_1_to_a_trillion_is_refused(command, field, value):
    assert refused_field(command, **{field: value}) == (field,)


@pytest.mark.parametrize(("command", "field"), AMOUNTS, ids=named)
@pytest.mark.parametrize("value", [1, 10**12])
def test_an_amount_from_1_to_a_trillion_is_accepted(command, field, value):
    assert getattr(accepted(command, **{field: value}), field) == value


@pytest.mark.parametrize("value", [0, 1, 10**12])
def test_a_match_may_have_matched_nothing(value):
    assert accepted(ConsumeMatch, matched_items_count=value).matched_items_count == value


@pytest.mark.parametrize("value", [-1, 10**12 + 1])
def test_an_impossible_count_of_matched_items_is_refused(value):
    assert refused_field(ConsumeMatch, matched_items_count=value) == ("matched_items_count",)


# Text


@pytest.mark.parametrize(("command", "field"), TEXTS, ids=named)
@pytest.mark.parametrize("value", ["", "x" * 256, 5, True, b"x", ["x"]], ids=named)
def test_an_id_that_is_no_string_of_1_to_255_characters_is_refused(command, field, value):
    assert refused_field(command, **{field: value}) == (field,)


@pytest.mark.parametrize(("command", "field"), TEXTS, ids=named)
@pytest.mark.parametrize("value", ["x", " x ", "x" * 255, "É" * 255, "🛍" * 255, "Ab/cD"], ids=named)
def test_an_id_of_1_to_255_characters_is_kept_exactly(command, field, value):
    assert getattr(accepted(command, **{field: value}), field) == value


@pytest.mark.parametrize(("command", "field"), EVERY_TEXT, ids=named)
@pytest.mark.parametrize("character", UNPRINTABLE.values(), ids=UNPRINTABLE)
@pytest.mark.parametrize("place", ["{0}{1}", "{1}{0}"], ids=["before", "after"])
def test_unprintable_characters_are_refused_in_every_text(command, field, character, place):
    usual = COMPLETE[command].get(field, "text")

    assert refused_field(command, **{field: place.format(character, usual)}) == (field,)


# UUIDs


@pytest.mark.parametrize("command", COMMANDS.values(), ids=named)
def test_a_merchant_id_is_lower_cased(command):
    command_of_merchant = accepted(command, merchant_id=MERCHANT.upper())

    assert command_of_merchant.merchant_id == UUID(MERCHANT)
    assert command_of_merchant.model_dump(mode="json")["merchant_id"] == MERCHANT


@pytest.mark.parametrize(
    "value",
    [
        MERCHANT.replace("-", ""),
        "{" + MERCHANT + "}",
        "urn:uuid:" + MERCHANT,
        MERCHANT + "\n",
        " " + MERCHANT,
        MERCHANT[:-1],
        MERCHANT[:-1] + "g",
        MERCHANT[:-1] + "\u0661",
        MERCHANT.replace("-", "\u2010"),
        "",
        12345,
        UUID(MERCHANT).bytes,
    ],
    ids=repr,
)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=named)
def test_a_merchant_id_of_any_other_form_than_36_characters_is_refused(command, value):
    assert refused_field(command, merchant_id=value) == ("merchant_id",)


# Platforms and domains


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_a_platform_is_lower_cased(platform, spelling):
    assert accepted(OpenAccount, platform_name=spelling(platform)).platform_name == platform


@pytest.mark.parametrize(
    "value", ["amazon", "", " shopify", "shopify ", "\u017fhopify", "wooco\u212aerce", 5], ids=repr
)
def test_an_unknown_platform_is_refused(value):
    assert refused_field(OpenAccount, platform_name=value) == ("platform_name",)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Shop.Example.COM", "shop.example.com"),
        ("a.co", "a.co"),
        ("xn--mller-kva.de", "xn--mller-kva.de"),
        ("my-shop-2.myshopify.com", "my-shop-2.myshopify.com"),
        ("l" * 63 + ".com", "l" * 63 + ".com"),
        ("a." * 126 + "b", "a." * 126 + "b"),
    ],
    ids=named,
)
def test_a_domain_is_lower_cased(given, stored):
    assert accepted(OpenAccount, shop_domain=given).shop_domain == stored


@pytest.mark.parametrize(
    "value",
    [
        "",
        "shop",
        ".example.com",
        "shop.example.com.",
        "shop..example.com",
        "-shop.example.com",
        "shop-.example.com",
        "shop_1.example.com",
        "l" * 64 + ".com",
        "a." * 126 + "bc",
        "https://shop.example.com",
        "shop.example.com/",
        "shop.example.com:443",
        " shop.example.com",
        "shop.example.com ",
        "m\u00fcller.de",
        "\u212aiosk.example.com",  # the Kelvin sign: lower-cased it would be somebody else's kiosk
        "shop\u3002example.com",
        5,
    ],
    ids=named,
)
def test_what_is_no_domain_is_refused(value):
    assert refused_field(OpenAccount, shop_domain=value) == ("shop_domain",)
