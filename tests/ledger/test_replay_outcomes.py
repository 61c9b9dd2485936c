"""Replays of parked messages: what became of each is noted in the database transaction that decided it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.errors import Refused
from ledger.journal import post
from ledger.journal.keeping import Kept, keep
from ledger.journal.parking import ToPark, park
from ledger.journal.sweep import park_outlived, post_due, send_due_again
from ledger.messages import REPLAY_OF, Message
from ledger.models import OutboxRow, ParkedAct, ParkedMessage, ReplayOutcome, Transaction, WaitingCommand
from ledger.outcomes import ParkReason
from ledger.parking import correct, dismiss, replay
from ledger.queries.parked import acts_of, became
from tests.ledger.builders import consume, open_account, opened_account, purchase, request
from tests.ledger.racing import wait
from tests.ledger.replaying import carry_out, replayed
from tests.ledger.stored import task_message

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=300)
AHEAD = datetime(2999, 1, 1, tzinfo=UTC)


def outcomes(parked):
    """Status and transaction of what became of the message's replays, the oldest first."""
    return [(row.status, row.transaction_id) for act in acts_of(parked) for row in act.outcomes.all()]


def only_transaction(reference_id):
    return Transaction.objects.get(reference_id=reference_id).id


def test_a_replay_that_is_posted_says_so_with_its_transaction():
    account = opened_account(credits_bought=50)
    parked, sent = replayed(consume(merchant_id=account.merchant_id, amount=2, reference_id="report-1"))

    carry_out(sent)

    assert outcomes(parked) == [("posted", only_transaction("report-1"))]
    parked.refresh_from_db()
    assert parked.state == "replayed"


def test_a_correction_is_refused_with_what_became_of_the_replay():
    parked, sent = replayed(consume(merchant_id=opened_account(credits_bought=50).merchant_id))
    late = {"body": "[]", "by": "anna", "reason": "too late", "at": NOW}

    carry_out(sent)

    with pytest.raises(Refused, match="sent again, and came to: posted"):
        correct(parked.pk, **late)


def test_a_replay_that_is_declined_says_so_with_its_transaction():
    parked, sent = replayed(consume(merchant_id=opened_account().merchant_id, reference_id="report-1"))

    carry_out(sent)

    assert outcomes(parked) == [("declined", only_transaction("report-1"))]
    assert ReplayOutcome.objects.get().reason == "insufficient_credits"


def test_a_replay_that_changes_nothing_says_so():
    command = open_account()
    post([request(command)])
    parked, sent = replayed(command)

    carry_out(sent)

    assert outcomes(parked) == [("unchanged", None)]


def test_a_replay_of_what_was_applied_meanwhile_says_so():
    account = opened_account(credits_bought=50)
    command = consume(merchant_id=account.merchant_id, reference_id="report-1")
    parked, sent = replayed(command)
    post([request(command)])

    carry_out(sent)

    assert outcomes(parked) == [("posted", only_transaction("report-1"))]
    assert became(acts_of(parked)[0]) == "posted before"


def test_a_redelivered_copy_of_a_replay_leaves_the_outcome_as_it_is():
    account = opened_account(credits_bought=50)
    parked, sent = replayed(consume(merchant_id=account.merchant_id))
    carry_out(sent)

    carry_out(sent)

    assert became(acts_of(parked)[0]) == "posted"


def test_two_copies_of_a_replay_in_one_batch_are_one_outcome():
    account = opened_account(credits_bought=50)
    parked, sent = replayed(consume(merchant_id=account.merchant_id))

    carry_out(sent, sent)

    assert became(acts_of(parked)[0]) == "posted"


def test_a_replay_that_waits_is_noted_as_waiting_and_then_with_what_came_of_it():
    opening = open_account()
    parked, sent = replayed(purchase(merchant_id=opening.merchant_id, purchase_id="order-1"))

    carry_out(sent)
    waiting = outcomes(parked)
    post([request(opening)])

    assert waiting == [("waiting", None)]
    assert outcomes(parked) == [("posted", only_transaction("order-1"))]


def test_a_replay_that_the_sweep_posts_is_noted():
    opening = open_account()
    parked, sent = replayed(purchase(merchant_id=opening.merchant_id, purchase_id="order-1"))
    carry_out(sent, due_at=AHEAD)
    post([request(opening)])
    WaitingCommand.objects.update(due_at=LONG_AGO)

    with CaptureQueriesContext(connection):
        post_due(limit=10, pause=wait)

    assert outcomes(parked) == [("posted", only_transaction("order-1"))]


def test_a_replay_that_outlives_its_wait_is_parked_again_on_its_own_row():
    parked, sent = replayed(purchase())
    carry_out(sent)
    WaitingCommand.objects.update(park_at=LONG_AGO)

    park_outlived(limit=10)

    assert outcomes(parked) == [("parked", None)]
    again = ParkedMessage.objects.get()
    assert (again.pk, again.state, again.reason, again.count) == (parked.pk, "parked", "no_account", 2)


def test_a_replay_waits_beside_another_copy_of_its_original():
    command = purchase()
    parked, sent = replayed(command)
    original = sent.without(REPLAY_OF)
    post([request(command, message=lambda: original)])
    carry_out(sent)

    post([request(open_account(merchant_id=command.merchant_id))])

    assert became(acts_of(parked)[0]) == "posted before"
    assert not WaitingCommand.objects.exists()


def test_a_replay_in_conflict_is_parked_again_with_what_holds_its_reference():
    account = opened_account(credits_bought=50)
    first = consume(merchant_id=account.merchant_id, amount=1, reference_id="report-1")
    post([request(first)])
    parked, sent = replayed(consume(merchant_id=account.merchant_id, amount=2, reference_id="report-1"))

    carry_out(sent)

    assert outcomes(parked) == [("parked", None)]
    again = ParkedMessage.objects.get()
    assert (again.pk, again.state, again.conflicts_with_id) == (parked.pk, "parked", only_transaction("report-1"))


def test_a_kept_replay_is_noted_as_waiting_and_keeps_its_name_when_it_is_sent_again():
    account = opened_account(credits_bought=50)
    parked, sent = replayed(consume(merchant_id=account.merchant_id))
    OutboxRow.objects.filter(destination="message").delete()

    keep([Kept(message=sent, correlation_id="corr-1", due_at=LONG_AGO)])
    waiting = outcomes(parked)
    send_due_again(limit=10)
    carry_out(Message.from_text(OutboxRow.objects.get(destination="message").body))

    assert waiting == [("waiting", None)]
    assert became(acts_of(parked)[0]) == "posted"


def test_each_item_of_a_replayed_consume_many_is_noted():
    account = opened_account(credits_bought=50)
    items = [consume(merchant_id=account.merchant_id, amount=amount) for amount in (2, 90, 3)]
    kwargs = {"items": [json.loads(item.model_dump_json(exclude_unset=True)) for item in items]}
    kwargs["items"].append({"amount": 0})
    parked, sent = replayed(items[0], name="credits.consume_many", kwargs=kwargs)

    carry_out(sent)

    assert [status for status, _ in outcomes(parked)] == ["posted", "declined", "posted", "parked"]
    assert became(acts_of(parked)[0]) == "2 posted, 1 declined, 1 parked again"
    alone = ParkedMessage.objects.exclude(pk=parked.pk).get()
    assert (alone.name, alone.state) == ("credits.consume", "parked")


def test_a_corrected_message_that_is_refused_again_is_parked_on_its_row_with_its_history():
    account = opened_account(credits_bought=50)
    parked, sent = replayed(consume(merchant_id=account.merchant_id, amount=1), amount="1")
    park([ToPark(message=sent, reason=ParkReason.INVALID_FIELD, field="amount")])
    corrected = json.loads(sent.body)
    corrected[1]["amount"] = 2

    correct(parked.pk, body=json.dumps(corrected), by="anna", reason="2 as the shop says", at=NOW)
    replay([parked.pk], by="bert", at=NOW)
    second = Message.from_text(OutboxRow.objects.order_by("-id")[0].body)
    park([ToPark(message=second, reason=ParkReason.DEFECT, detail="no luck")])

    row = ParkedMessage.objects.get()
    assert (row.state, row.reason, row.count, row.body) == ("parked", "defect", 3, parked.body)
    assert [(act.what, act.actor) for act in acts_of(row)] == [
        ("replayed", "anna"),
        ("corrected", "anna"),
        ("replayed", "bert"),
    ]
    assert [status for status, _ in outcomes(row)] == ["parked", "parked"]


def test_a_late_copy_of_an_earlier_replay_does_not_undo_what_the_later_one_settled():
    account = opened_account(credits_bought=50)
    parked, first = replayed(consume(merchant_id=account.merchant_id))
    park([ToPark(message=first, reason=ParkReason.DEFECT)])
    replay([parked.pk], by="anna", at=NOW)
    carry_out(Message.from_text(OutboxRow.objects.filter(destination="message").order_by("-id")[0].body))

    park([ToPark(message=first, reason=ParkReason.DEFECT)])

    parked.refresh_from_db()
    assert (parked.state, parked.count) == ("replayed", 2)
    assert [status for status, _ in outcomes(parked)] == ["parked", "posted"]


@pytest.mark.parametrize(
    "forged", ["", "7", "not-an-id", "0190a0b0-0000-7000-8000-000000000000", "\0", "x" * 500, 7, None, ["a"], {"a": 1}]
)
def test_a_forged_replay_is_a_message_like_any_other(forged):
    account = opened_account(credits_bought=50)
    parked, _ = replayed(consume(merchant_id=account.merchant_id))
    message = task_message(consume(merchant_id=account.merchant_id, reference_id="report-1"), **{REPLAY_OF: forged})
    refused = task_message(consume(), **{REPLAY_OF: forged})

    carry_out(message)
    park([ToPark(message=refused, reason=ParkReason.DEFECT)])

    assert only_transaction("report-1")
    assert outcomes(parked) == []
    assert ParkedMessage.objects.filter(fingerprint=refused.fingerprint, state="parked").exists()


@pytest.mark.parametrize("item", ["-1", "500", "x", "1/2"])
def test_a_replay_that_names_an_item_that_can_not_be_is_noted_nowhere(item):
    account = opened_account(credits_bought=50)
    parked, sent = replayed(consume(merchant_id=account.merchant_id))
    forged = f"{sent.headers[REPLAY_OF]}/{item}"

    post([request(consume(merchant_id=account.merchant_id), replay=forged)])

    assert outcomes(parked) == []


def test_what_is_decided_is_noted_with_it_or_not_at_all(monkeypatch):
    account = opened_account(credits_bought=50)
    parked, sent = replayed(consume(merchant_id=account.merchant_id))
    monkeypatch.setattr("ledger.journal.write.park_rows", _fail)

    with pytest.raises(RuntimeError):
        post([request(consume(merchant_id=account.merchant_id), replay=sent.headers[REPLAY_OF])])

    assert outcomes(parked) == []
    assert Transaction.objects.filter(kind="consume").count() == 0


def _fail(*_, **__):
    raise RuntimeError("in the middle of writing")


def test_messages_that_are_no_replays_cost_no_query_more():
    account = opened_account(credits_bought=50)
    plain = [consume(merchant_id=account.merchant_id) for _ in range(3)]

    with CaptureQueriesContext(connection) as queries:
        post([request(command) for command in plain])

    assert not [query for query in queries if "credit_parked" in query["sql"] or "replay" in query["sql"]]


def test_a_dismissal_says_who_and_why():
    park([ToPark(message=task_message(consume()), reason=ParkReason.DEFECT)])
    parked = ParkedMessage.objects.get()

    dismiss([parked.pk], by="anna", reason="the shop is closed", at=NOW)

    act = ParkedAct.objects.get()
    assert (act.what, act.actor, act.reason, act.acted_at) == ("dismissed", "anna", "the shop is closed", NOW)
