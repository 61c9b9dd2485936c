"""Waiting: commands ahead of their account or of their time are kept, and applied in order of arrival, each once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from ledger.journal import load, post, waiting
from ledger.journal.post import post_batch
from ledger.journal.sweep import park_outlived, post_due
from ledger.messages import Message
from ledger.models import Account, OutboxRow, ParkedMessage, Transaction, WaitingCommand
from ledger.outcomes import Status
from ledger.rules.batch import Waiting
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import (
    change_shop,
    consume,
    consume_match,
    fresh,
    grant,
    hold,
    open_account,
    opened_account,
    purchase,
    request,
    requests,
    start_trial,
)

AHEAD = datetime(2126, 1, 31, 12, 0, tzinfo=UTC)


def never(_: float) -> bool:
    raise AssertionError("there was no trouble to wait for")


def sweep() -> int:
    return len(post_due(limit=500, pause=never).outcomes)


def time_comes() -> None:
    WaitingCommand.objects.update(due_at=timezone.now())


def brought_by_a_message(command, **fields):
    message = Message(queue="credits.grants", name=command.task, body=b"[]", headers={"id": fresh("message")})
    return request(command, message=lambda: message, **fields)


# Its account


@pytest.mark.django_db
@pytest.mark.parametrize("drain", load.Drain)
def test_a_command_that_arrived_before_the_clock_was_put_back_is_applied_once_its_account_is_open(drain):
    command = purchase()
    post([brought_by_a_message(command)])
    ahead = timezone.now() + timedelta(hours=1)
    WaitingCommand.objects.update(arrived_at=ahead, due_at=ahead)

    post_batch([Waiting(request(open_account(merchant_id=command.merchant_id)))], drain=drain)
    swept = sweep()

    assert swept == (drain is load.Drain.NOTHING)
    assert not WaitingCommand.objects.exists()
    assert Transaction.objects.get().reference_id == command.purchase_id


@pytest.mark.django_db
@pytest.mark.parametrize("build", [start_trial, purchase, grant, consume_match, consume, hold, change_shop])
def test_each_command_waits_for_its_account_and_nothing_of_it_is_applied(build):
    command = build()

    (outcome,) = post([brought_by_a_message(command)])

    assert (outcome.status, outcome.merchant_id) == (Status.WAITING, command.merchant_id)
    row = WaitingCommand.objects.get()
    assert (row.merchant_id, row.task, row.send_again) == (command.merchant_id, command.task, False)
    assert not Transaction.objects.exists()
    assert not OutboxRow.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("due_at", [None, AHEAD], ids=["account", "time"])
def test_the_outcome_of_what_waits_names_its_reference(due_at):
    bought, moved = purchase(), change_shop()

    outcomes = post([request(bought, due_at=due_at), request(moved, due_at=due_at)])

    assert {outcome.status for outcome in outcomes} == {Status.WAITING}
    assert [(outcome.reference_type, outcome.reference_id) for outcome in outcomes] == [
        ("purchase", bought.purchase_id),
        (None, str(moved.merchant_id)),
    ]


@pytest.mark.django_db
def test_opening_the_account_applies_what_waited_in_order_of_arrival():
    opening = open_account()
    ours = {"merchant_id": opening.merchant_id}
    waiting = [consume(**ours, amount=5), purchase(**ours, credits=20), consume(**ours, amount=7), start_trial(**ours)]
    post(requests(*waiting[:2], grant()))
    post(requests(*waiting[2:]))

    (outcome,) = post(requests(opening))

    assert (outcome.status, outcome.balance) == (Status.POSTED, 0)
    rows = Transaction.objects.filter(status="posted").order_by("sequence")
    assert [(row.operation, row.amount) for row in rows] == [("credit", 20), ("debit", 7), ("credit", 500)]
    assert Transaction.objects.get(status="declined").amount == 5  # it came before the purchase
    assert WaitingCommand.objects.get().merchant_id != opening.merchant_id
    assert_books_are_right()


@pytest.mark.django_db
def test_what_waits_in_the_same_batch_is_applied_by_the_opening_that_follows():
    opening = open_account()
    bought = purchase(merchant_id=opening.merchant_id)
    stored = grant(merchant_id=opening.merchant_id)
    post(requests(stored))

    outcomes = post(requests(bought, opening))

    assert [outcome.status for outcome in outcomes] == [Status.WAITING, Status.POSTED]
    rows = Transaction.objects.order_by("sequence")
    assert [row.reference_id for row in rows] == [stored.reference_id, bought.purchase_id]
    assert not WaitingCommand.objects.exists()


@pytest.mark.django_db
def test_of_what_waits_a_conflict_is_parked_and_a_repeat_is_applied_once():
    opening = open_account()
    held = purchase(merchant_id=opened_account().merchant_id)
    post(requests(held))
    elsewhere = held.model_copy(update={"merchant_id": opening.merchant_id, "purchase_id": fresh("p")})
    bought = purchase(merchant_id=opening.merchant_id)
    post([brought_by_a_message(elsewhere), brought_by_a_message(bought), brought_by_a_message(bought)])
    WaitingCommand.objects.filter(kwargs__purchase_id=elsewhere.purchase_id).update(
        kwargs={**elsewhere.model_dump(mode="json", exclude_unset=True), "purchase_id": held.purchase_id}
    )

    post(requests(opening))

    assert not WaitingCommand.objects.exists()
    assert ParkedMessage.objects.get().reason == "idempotency_conflict"
    assert Account.objects.get(merchant_id=opening.merchant_id).balance == bought.credits
    assert_books_are_right()


@pytest.mark.django_db
def test_a_repeat_of_one_message_is_stored_once_and_two_messages_are_two():
    command = purchase()
    first, second = brought_by_a_message(command), brought_by_a_message(command)

    post([first, first])
    post([first])
    assert WaitingCommand.objects.count() == 1

    post([second])
    assert WaitingCommand.objects.count() == 2


@pytest.mark.django_db
def test_order_of_arrival_holds_within_a_large_batch():
    opening = open_account()
    commands = [grant(merchant_id=opening.merchant_id, amount=amount) for amount in range(1, 301)]
    post(requests(*commands))

    post(requests(opening))

    assert [row.amount for row in Transaction.objects.order_by("sequence")] == list(range(1, 301))


@pytest.mark.django_db
def test_an_opening_applies_so_many_and_the_sweep_the_rest(monkeypatch):
    monkeypatch.setattr(waiting, "MAX_DRAINED", 3)
    opening = open_account()
    post(requests(*(grant(merchant_id=opening.merchant_id, amount=amount) for amount in range(1, 6))))

    post(requests(opening))
    assert [row.amount for row in Transaction.objects.order_by("sequence")] == [1, 2, 3]

    assert sweep() == 2
    assert [row.amount for row in Transaction.objects.order_by("sequence")] == [1, 2, 3, 4, 5]
    assert not WaitingCommand.objects.exists()


@pytest.mark.django_db
def test_the_sweep_applies_what_missed_its_opening_and_leaves_what_has_no_account():
    account = opened_account()
    missed, no_account = grant(), grant()
    post(requests(missed, no_account))
    # As when the account opened at the very moment at which the command found none.
    WaitingCommand.objects.filter(merchant_id=missed.merchant_id).update(
        merchant_id=account.merchant_id,
        kwargs={**missed.model_dump(mode="json", exclude_unset=True), "merchant_id": str(account.merchant_id)},
    )

    assert sweep() == 1

    assert Account.objects.get().balance == missed.amount
    assert WaitingCommand.objects.get().merchant_id == no_account.merchant_id


# Its time


@pytest.mark.django_db
def test_a_command_ahead_of_its_time_waits_though_its_account_is_open():
    command = grant(merchant_id=opened_account().merchant_id)

    (outcome,) = post([request(command, due_at=AHEAD)])

    assert outcome.status is Status.WAITING
    assert WaitingCommand.objects.get().due_at == AHEAD
    assert sweep() == 0
    time_comes()
    assert sweep() == 1
    assert Account.objects.get().balance == command.amount
    assert not WaitingCommand.objects.exists()


@pytest.mark.django_db
def test_an_opening_leaves_what_is_ahead_of_its_time():
    opening = open_account()
    early, ripe = (grant(merchant_id=opening.merchant_id, amount=amount) for amount in (1, 2))
    post([request(early, due_at=AHEAD), request(ripe)])

    post(requests(opening))

    assert Account.objects.get().balance == ripe.amount
    assert WaitingCommand.objects.get().kwargs["reference_id"] == early.reference_id
    time_comes()
    sweep()
    assert Account.objects.get().balance == 3


@pytest.mark.django_db
def test_an_opening_can_be_ahead_of_its_time_and_then_applies_what_waited_for_it():
    opening = open_account()
    post([request(opening, due_at=AHEAD), *requests(grant(merchant_id=opening.merchant_id))])
    assert not Account.objects.exists()

    time_comes()
    sweep()

    assert Account.objects.get().balance == 10
    assert not WaitingCommand.objects.exists()


@pytest.mark.django_db
def test_an_opening_ahead_of_its_time_is_never_parked_for_want_of_an_account(settings):
    settings.ACCOUNT_WAIT = timedelta(0)
    post([request(open_account(), due_at=AHEAD)])
    WaitingCommand.objects.update(due_at=timezone.now(), park_at=timezone.now())

    assert park_outlived(limit=10) == 0
    assert sweep() == 1


@pytest.mark.django_db
def test_the_sweep_takes_the_oldest_first_and_no_more_than_it_may():
    account = opened_account()
    commands = [grant(merchant_id=account.merchant_id, amount=amount) for amount in (1, 2, 3)]
    post([request(command, due_at=AHEAD) for command in commands])
    time_comes()

    post_due(limit=2, pause=never)

    assert [row.amount for row in Transaction.objects.order_by("sequence")] == [1, 2]


# Its end


@pytest.mark.django_db
@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=3)])
def test_the_wait_ends_account_wait_after_the_later_of_arrival_and_eta(settings, ahead):
    settings.ACCOUNT_WAIT = timedelta(minutes=20)
    before = timezone.now()

    post([request(grant(), due_at=before + ahead if ahead else None)])

    row = WaitingCommand.objects.get()
    assert row.park_at == max(row.arrived_at, row.due_at) + timedelta(minutes=20)
    assert row.park_at >= before + ahead + timedelta(minutes=20)


@pytest.mark.django_db
def test_what_outlives_its_wait_is_parked_whole_and_the_rest_waits_on(settings):
    settings.ACCOUNT_WAIT = timedelta(0)
    late = brought_by_a_message(grant())
    post([late])
    settings.ACCOUNT_WAIT = timedelta(minutes=15)
    post([brought_by_a_message(grant())])

    assert park_outlived(limit=10) == 1

    parked = ParkedMessage.objects.get()
    assert (parked.reason, parked.field, parked.merchant_id) == (
        *("no_account", "merchant_id"),
        late.command.merchant_id,
    )
    assert (parked.queue, parked.name, parked.body) == ("credits.grants", "credits.grant", "[]")
    assert WaitingCommand.objects.get().merchant_id != late.command.merchant_id


@pytest.mark.django_db
def test_what_outlived_its_wait_but_has_an_account_now_is_applied_and_not_parked(settings):
    settings.ACCOUNT_WAIT = timedelta(0)
    account = opened_account()
    post([request(grant(merchant_id=account.merchant_id), due_at=AHEAD)])
    WaitingCommand.objects.update(due_at=timezone.now(), park_at=timezone.now())

    assert park_outlived(limit=10) == 0
    assert sweep() == 1
