"""The fields of lots, holds and reversals: what each may hold, at its edges."""

import pytest

from ledger.commands import Capture, ChangeShop, Grant, Hold, Release, Reverse
from tests.ledger.complete import accepted, refused_field

ACCEPTED = [
    (Grant, "category", "paid"),
    (Grant, "category", "promotional"),
    (Grant, "priority", 0),
    (Grant, "priority", 100),
    (Grant, "effective_at", None),
    (Grant, "expires_at", "2020-01-01T00:00:00Z"),
    (Hold, "expires_in_s", 1),
    (Hold, "expires_in_s", 2_592_000),
    (Capture, "amount", None),
    (Capture, "amount", 10**12),
    (Capture, "hold_reference_type", "expire"),
    (Reverse, "amount", 1),
    (Reverse, "on_shortfall", "take_what_is_left"),
    (Reverse, "original_reference_type", "trial"),
    (ChangeShop, "changed_at", "2026-02-28T00:00:00+02:00"),
]
REFUSED = [
    (Grant, "category", "free"),
    (Grant, "category", None),
    (Grant, "priority", -1),
    (Grant, "priority", 101),
    (Grant, "priority", True),
    (Grant, "priority", "5"),
    (Grant, "expires_at", "2026-02-28"),
    (Grant, "effective_at", 1772236800),
    (Hold, "amount", 0),
    (Hold, "expires_in_s", 0),
    (Hold, "expires_in_s", 2_592_001),
    (Hold, "expires_in_s", 1.0),
    (Hold, "expires_in_s", None),
    (Capture, "amount", 0),
    (Capture, "hold_reference_id", ""),
    (Capture, "hold_reference_type", "A"),
    (Capture, "reference_type", "expire"),
    (Release, "reference_type", "reverse"),
    (Release, "amount", 5),
    (Reverse, "on_shortfall", "take"),
    (Reverse, "original_reference_id", "x" * 256),
    (ChangeShop, "shop_domain", "localhost"),
    (ChangeShop, "changed_at", "2026-02-28T00:00:00"),
]


@pytest.mark.parametrize(("command", "field", "value"), ACCEPTED)
def test_a_value_at_the_edge_is_accepted(command, field, value):
    accepted(command, **{field: value})


@pytest.mark.parametrize(("command", "field", "value"), REFUSED)
def test_a_value_beyond_the_edge_is_refused_by_the_name_of_its_field(command, field, value):
    assert refused_field(command, **{field: value}) == (field,)


@pytest.mark.parametrize("expires_at", ["2026-02-01T00:00:00Z", "2026-01-31T00:00:00Z"])
def test_a_lot_cannot_expire_before_it_is_effective(expires_at):
    both = {"effective_at": "2026-02-01T00:00:00Z", "expires_at": expires_at}

    assert refused_field(Grant, **both) == ("expires_at",)
    accepted(Grant, **{**both, "expires_at": "2026-02-01T00:00:00.000001Z"})
