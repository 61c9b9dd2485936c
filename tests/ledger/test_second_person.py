"""The second person: nobody alone makes a message ask for much, and sends it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from ledger.journal.parking import ToPark, park
from ledger.messages import Message
from ledger.models import OutboxRow, ParkedMessage
from ledger.outcomes import ParkReason
from ledger.parking import correct, left_for_another, replay

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LIMIT = 100
MERCHANT = str(uuid4())
CLAIM = {"merchant_id": MERCHANT, "reference_type": "report", "reference_id": "report-1"}
TARGET = {"original_reference_type": "report", "original_reference_id": "report-0"}
HELD = {"hold_reference_type": "report", "hold_reference_id": "report-0"}
PURCHASED = "evt.billing.credits.purchased.v1"


@pytest.fixture(autouse=True)
def _limit(settings):
    settings.ADJUST_APPROVAL_LIMIT = LIMIT


def corrected(name: str, fields: dict[str, Any], *, by: str = "anna") -> int:
    """The number of a message that couldn't be read, and that somebody has corrected to this."""
    is_event = name == PURCHASED
    queue = "credits.inbound" if is_event else "credits.grants"
    park([ToPark(message=Message(queue, "", b"{", {"id": str(uuid4())}), reason=ParkReason.NOT_JSON)])
    number = ParkedMessage.objects.order_by("-id")[0].pk
    body = {"event_type": name, "data": fields} if is_event else [[], fields, {}]
    headers = {} if is_event else {"task": name, "id": "id-1"}
    correct(number, body=json.dumps(body), headers=json.dumps(headers), by=by, reason="the shop says so", at=NOW)
    return number


def items(*amounts: int) -> dict[str, Any]:
    return {"items": [{**CLAIM, "reference_id": f"r-{n}", "amount": amount} for n, amount in enumerate(amounts)]}


BOUGHT = {"merchant_id": MERCHANT, "purchase_id": "order-1"}
MUCH = {
    "a grant": ("credits.grant", {**CLAIM, "amount": LIMIT + 1}),
    "a purchase": ("credits.purchase", {**BOUGHT, "credits": 10**12}),
    "an event": (PURCHASED, {**BOUGHT, "credits": LIMIT + 1}),
    "a consumption": ("credits.consume", {**CLAIM, "amount": LIMIT + 1}),
    "many that are little each": ("credits.consume_many", items(50, 51)),
    "a reversal of all there is": ("credits.reverse", {**CLAIM, **TARGET}),
    "a capture of all there is": ("credits.capture", {**CLAIM, **HELD}),
}
LITTLE = {
    "a grant": ("credits.grant", {**CLAIM, "amount": LIMIT}),
    "an event": (PURCHASED, {**BOUGHT, "credits": LIMIT}),
    "many": ("credits.consume_many", items(50, 50)),
    "a reversal": ("credits.reverse", {**CLAIM, **TARGET, "amount": LIMIT}),
    "what moves nothing": (
        "credits.open_account",
        {"merchant_id": MERCHANT, "platform_name": "shopify", "platform_shop_id": "7", "shop_domain": "a.example.com"},
    ),
}


@pytest.mark.parametrize("what", MUCH)
def test_what_moves_much_is_not_sent_by_who_corrected_it_but_by_another(what):
    number = corrected(*MUCH[what])

    alone = replay([number], by="anna", at=NOW)
    told = left_for_another([number], by="anna"), left_for_another([number], by="bert")
    state = ParkedMessage.objects.get().state, OutboxRow.objects.count()

    assert (alone, told, state) == ([], ([number], []), ("parked", 0))
    assert replay([number], by="bert", at=NOW) == [number]


@pytest.mark.parametrize("what", LITTLE)
def test_what_moves_little_is_sent_by_who_corrected_it(what):
    number = corrected(*LITTLE[what])

    assert replay([number], by="anna", at=NOW) == [number]


def test_the_newest_correction_tells_who_may_not():
    fields = {**CLAIM, "amount": LIMIT + 1}
    number = corrected("credits.grant", fields)
    correct(number, body=json.dumps([[], fields, {}]), by="bert", reason="so it is", at=NOW)

    assert replay([number], by="bert", at=NOW) == []
    assert replay([number], by="anna", at=NOW) == [number]


def test_the_others_of_one_call_are_sent():
    much, little = corrected(*MUCH["a grant"]), corrected(*LITTLE["many"])

    assert replay([much, little], by="anna", at=NOW) == [little]
