"""What a generic command may contain (docs/contract.md §1): references, descriptions, metadata, envelopes of many."""

from typing import Any
from uuid import UUID

import pytest

from ledger.commands import Consume, ConsumeMany, Grant
from ledger.fields import RESERVED_REFERENCE_TYPES
from tests.ledger.complete import ITEM, MERCHANT, UNPRINTABLE, accepted, named, refused_field

GENERIC = [Grant, Consume]


# References of generic commands


@pytest.mark.parametrize("command", GENERIC, ids=named)
@pytest.mark.parametrize("value", ["a", "a-z_0.9", "purchase", "match", "x" * 64], ids=named)
def test_a_reference_type_is_1_to_64_of_its_characters(command, value):
    assert accepted(command, reference_type=value).reference_type == value


@pytest.mark.parametrize("command", GENERIC, ids=named)
@pytest.mark.parametrize(
    "value", ["", "x" * 65, "Goodwill", "good will", "good/will", "\u00e9", "good\n", 5], ids=named
)
def test_any_other_reference_type_is_refused(command, value):
    assert refused_field(command, reference_type=value) == ("reference_type",)


def test_the_reserved_reference_types_are_those_of_the_contract():
    assert {"trial", "expire", "adjust", "reverse", "retry", "activate", "import"} == RESERVED_REFERENCE_TYPES


@pytest.mark.parametrize("command", GENERIC, ids=named)
@pytest.mark.parametrize("value", sorted(RESERVED_REFERENCE_TYPES))
def test_a_reserved_reference_type_is_refused(command, value):
    assert refused_field(command, reference_type=value) == ("reference_type",)


# Description and metadata


@pytest.mark.parametrize("command", GENERIC, ids=named)
def test_description_and_metadata_are_empty_where_they_are_not_given(command):
    movement = accepted(command)

    assert (movement.description, movement.metadata) == ("", {})


@pytest.mark.parametrize("command", GENERIC, ids=named)
@pytest.mark.parametrize("value", ["", "x" * 1000, "🛍" * 1000], ids=named)
def test_a_description_may_have_1000_characters(command, value):
    assert accepted(command, description=value).description == value


@pytest.mark.parametrize("command", GENERIC, ids=named)
@pytest.mark.parametrize("value", ["x" * 1001, None, 5, ["x"]], ids=named)
def test_any_other_description_is_refused(command, value):
    assert refused_field(command, description=value) == ("description",)


def metadata_of(*, size_bytes: int, character: str = "x") -> dict[str, str]:
    """Metadata that takes so many bytes as compact JSON in UTF-8."""
    return {"a": character * ((size_bytes - len('{"a":""}')) // len(character.encode()))}


def nested(*, levels: int) -> dict[str, Any]:
    """Metadata of so many objects, each within the one before."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize("command", GENERIC, ids=named)
@pytest.mark.parametrize(
    "value",
    [
        {},
        {"text": "é", "number": 1, "float": 1.5, "yes": True, "nothing": None, "list": [1, [2]], "": {"b": {}}},
        metadata_of(size_bytes=8192),
        metadata_of(size_bytes=8192, character="é"),
        nested(levels=100),
        {"integer": 10**400},
    ],
    ids=["empty", "every type", "8 KiB", "8 KiB of two-byte characters", "100 levels", "huge integer"],
)
def test_metadata_is_any_object_up_to_8_kib(command, value):
    assert accepted(command, metadata=value).metadata == value


@pytest.mark.parametrize("command", GENERIC, ids=named)
@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "{}",
        5,
        metadata_of(size_bytes=8193),
        metadata_of(size_bytes=8194, character="é"),
        {"a": float("nan")},
        {"a": [float("-inf")]},
        {"a": 10**5000},
        nested(levels=101),
        nested(levels=100_000),
        {"a": {1, 2}},
        {"a": b"x"},
        {"a": (1, 2)},
        {"a": UUID(MERCHANT)},
        {"a": {1: "x"}},
    ],
    ids=[
        "null",
        "list",
        "text",
        "number",
        "a byte too much",
        "too much by bytes, not by characters",
        "NaN",
        "infinity",
        "integer of 5,001 digits",
        "101 levels",
        "100,000 levels",
        "set",
        "bytes",
        "tuple",
        "object",
        "key that is no text",
    ],
)
def test_any_other_metadata_is_refused(command, value):
    assert refused_field(command, metadata=value) == ("metadata",)


@pytest.mark.parametrize("character", UNPRINTABLE.values(), ids=UNPRINTABLE)
@pytest.mark.parametrize(
    "put",
    [
        lambda text: {"a": text},
        lambda text: {text: "a"},
        lambda text: {"a": [1, ["b", text]]},
        lambda text: {"a": [{"b": {text: None}}]},
    ],
    ids=["value", "key", "nested value", "nested key"],
)
@pytest.mark.parametrize("command", GENERIC, ids=named)
def test_unprintable_characters_are_refused_anywhere_in_metadata(command, put, character):
    assert refused_field(command, metadata=put(f"text{character}")) == ("metadata",)


# consume_many


@pytest.mark.parametrize("number", [1, 500])
def test_an_envelope_holds_1_to_500_items(number):
    assert len(accepted(ConsumeMany, items=[ITEM] * number).items) == number


@pytest.mark.parametrize("value", [[], [ITEM] * 501, ITEM, (ITEM,), "[]"], ids=["0", "501", "object", "tuple", "text"])
def test_an_envelope_of_anything_else_is_refused(value):
    assert refused_field(ConsumeMany, items=value) == ("items",)


def test_a_bad_item_does_not_refuse_its_envelope():
    envelope = accepted(ConsumeMany, items=[ITEM, "no item"])

    assert envelope.items == [ITEM, "no item"]
