"""Untold: a message that comes again for what follows alone is decided no more, and says what it came to."""

import json
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery.app.trace import build_tracer
from celery.worker import state
from django.core import signing
from kombu.exceptions import OperationalError
from kombu.message import Message as BrokerMessage

from creditsvc.celery import app
from ledger.admin.waiting import WaitingAdmin
from ledger.journal.keeping import Kept
from ledger.journal.parking import ToPark, park
from ledger.messages import UNTOLD, Message
from ledger.models import ParkedMessage, Transaction, WaitingCommand
from ledger.outcomes import ParkReason, Status
from ledger.personal import Shopper, message_without
from tasks.errors import CommandParked
from tasks.handing import HANDED, stored
from tasks.handlers import purchase
from tasks.posting import post_requests
from tasks.results import Untold
from tasks.strategy import Envelope
from tasks.untold import CameTo, came_to_in, later
from tests.ledger.builders import open_account, request

LINK = {"task": "credits.consume", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": True}
POSTED = CameTo(outcome={"status": "posted"})
REFUSED = CameTo(outcome={"status": "parked", "reason": "invalid_field"}, is_failure=True)
MESSAGE = Message(
    "credits.grants", "credits.purchase", b"[[], {}, {}]", headers={"id": "id-1", "task": "credits.purchase"}
)


def taken(*, fields: Any = None, embed: Any = None, **headers: Any) -> BrokerMessage:
    """A purchase with a link, as it comes from the broker."""
    return BrokerMessage(
        body=json.dumps([[], fields or {}, embed or {"callbacks": [LINK]}]),
        content_type="application/json",
        content_encoding="utf-8",
        headers={"task": "credits.purchase", "id": "id-1", **headers},
        delivery_info={"routing_key": "credits.grants"},
        accept={"application/json"},
    )


def carried_out(message: BrokerMessage, monkeypatch: pytest.MonkeyPatch, *, is_told: bool) -> list[str]:
    """What was sent of what follows a message that Celery carries out; nothing can be where it is not told."""
    sent: list[str] = []

    def send(_: Any, name: str, *__: Any, **___: Any) -> None:
        if not is_told:
            raise OperationalError("the broker is away")
        sent.append(name)

    envelope = Envelope(message, "credits.purchase", stores_results=True)
    assert envelope.read() is None
    seen = envelope.as_handed(None)
    links = seen.payload[2]
    monkeypatch.setattr(app.amqp, "send_task_message", send)
    traced = stored(build_tracer(purchase.name, purchase, app=app))
    answer = traced("id-1", [], {}, {"id": "id-1", "delivery_info": {}, HANDED: seen.headers[HANDED], **links})
    assert not answer[1] or not isinstance(answer[0].exception, Untold)
    return sent


def again(kept: WaitingCommand) -> BrokerMessage:
    """A kept message as the sweep sends it."""
    message = Message.from_text(kept.message)
    return BrokerMessage(
        body=message.body.decode(),
        content_type="application/json",
        content_encoding="utf-8",
        headers=dict(message.headers),
        delivery_info={"routing_key": message.queue, "exchange": ""},
        accept={"application/json"},
    )


def test_what_waits_for_its_account_is_decided_once_however_often_its_link_is_tried(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant = str(uuid4())
    fields = {"merchant_id": merchant, "credits": 5, "purchase_id": "order-7"}
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    assert carried_out(taken(fields=fields, expires=soon), monkeypatch, is_told=False) == []
    assert sorted(WaitingCommand.objects.values_list("send_again", flat=True)) == [False, True]

    kept = WaitingCommand.objects.get(send_again=True)
    WaitingCommand.objects.filter(send_again=False).delete()  # it has expired, say, and staff have dismissed it
    post_requests([request(open_account(merchant_id=UUID(merchant)))])
    state.revoked.add("id-1")
    try:
        assert carried_out(again(kept), monkeypatch, is_told=True) == ["credits.consume"]
    finally:
        state.revoked.discard("id-1")

    assert not Transaction.objects.exists()
    assert not ParkedMessage.objects.exists()


def test_a_refused_message_that_comes_again_for_its_errback_stays_as_staff_have_left_it(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = {"errbacks": [LINK]}
    assert carried_out(taken(embed=embed), monkeypatch, is_told=False) == []
    ParkedMessage.objects.update(state=ParkedMessage.State.DISMISSED)

    kept = WaitingCommand.objects.get()
    assert carried_out(again(kept), monkeypatch, is_told=True) == ["credits.consume"]

    parked = ParkedMessage.objects.get()
    assert (parked.state, parked.count, parked.reason) == ("dismissed", 1, "invalid_field")


def test_it_tells_what_it_came_to() -> None:
    assert POSTED.tell() == {"status": "posted"}
    with pytest.raises(CommandParked) as parked:
        REFUSED.tell()
    assert parked.value.outcome == REFUSED.outcome


@pytest.mark.parametrize(
    ("headers", "is_believed"),
    [
        ({"id": "id-1"}, True),
        ({"id": "id-2"}, False),
        ({"id": "id-1", UNTOLD: signing.dumps(["id-1", {}, False, 1], salt="another")}, False),
        ({"id": "id-1", UNTOLD: json.dumps(["id-1", {}, False, 1])}, False),
        ({"id": "id-1", UNTOLD: 7}, False),
        ({"id": "id-1", UNTOLD: "\udc80"}, False),
    ],
)
def test_it_is_believed_of_nobody_but_us(headers: dict[str, Any], is_believed: bool) -> None:
    kept = later(MESSAGE, POSTED, "away")
    assert isinstance(kept, Kept)

    came_to = came_to_in({**kept.message.headers, **headers})

    assert came_to == (CameTo(outcome=POSTED.outcome, times=1) if is_believed else None)


def test_what_a_sender_writes_there_is_not_even_stored() -> None:
    envelope = Envelope(taken(**{UNTOLD: "forged"}), "credits.purchase", stores_results=True)

    envelope.read()

    assert UNTOLD not in envelope.as_handed(None).headers[HANDED].whole.headers


@pytest.mark.parametrize(("times", "seconds"), [(0, 8), (1, 16), (6, 512), (7, 900), (99, 900)])
def test_it_comes_again_less_and_less_often(times: int, seconds: int) -> None:
    kept = later(MESSAGE, CameTo(outcome={}, times=times), "away")

    assert isinstance(kept, Kept)
    assert kept.due_at - datetime.now(UTC) == pytest.approx(timedelta(seconds=seconds), abs=timedelta(seconds=5))
    assert came_to_in(kept.message.headers) == CameTo(outcome={}, times=times + 1)


def test_after_a_day_it_is_parked_unless_it_is_already() -> None:
    parked = later(MESSAGE, CameTo(outcome={}, times=100), "the broker is away")

    assert parked is not None
    assert not isinstance(parked, Kept)
    assert (parked.reason, parked.message) == ("undeliverable", MESSAGE)
    assert "the broker is away" in parked.detail
    assert later(MESSAGE, CameTo(outcome={}, is_failure=True, times=100), "away") is None


@pytest.mark.parametrize("length", [9, 127])
def test_the_outcomes_of_the_most_items_fit_into_a_header(length: int) -> None:
    items = [
        {"status": Status.POSTED, "transaction_id": str(uuid4()), "balance": n, "reference_id": token_hex(length)}
        for n in range(500)
    ]

    kept = later(MESSAGE, CameTo(outcome={"status": "posted", "items": items}), "away")

    assert isinstance(kept, Kept)
    assert len(kept.message.headers[UNTOLD]) <= 64 * 1024  # of 128 KiB that AMQP's frame has for all headers
    came_to = came_to_in(kept.message.headers)
    assert came_to is not None
    assert came_to.outcome == {"status": "posted", **({"items": items} if length < 100 else {})}


def test_what_is_parked_instead_is_decided_when_it_is_sent_again(own_database: str) -> None:
    kept = later(MESSAGE, POSTED, "away")
    assert isinstance(kept, Kept)

    park([ToPark(message=kept.message, reason=ParkReason.UNDELIVERABLE)])

    assert UNTOLD not in json.loads(ParkedMessage.objects.get().headers)


def test_a_redaction_leaves_it() -> None:
    kept = later(MESSAGE, POSTED, "away")
    assert isinstance(kept, Kept)

    redacted = message_without(kept.message.as_text(), Shopper(shopper_id="shopper-1"))

    assert json.loads(redacted["headers"])[UNTOLD] == kept.message.headers[UNTOLD]


def test_staff_see_what_it_waits_for() -> None:
    kept = later(MESSAGE, POSTED, "away")
    assert isinstance(kept, Kept)
    row = WaitingCommand(send_again=True, due_at=datetime.now(UTC), message=kept.message.as_text())

    assert WaitingAdmin.cause(WaitingAdmin, row) == "what follows it to be told"
