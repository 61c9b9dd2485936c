"""Posting surely: a request that the database refuses is found by halving and parked alone; the others are posted."""

import pytest

from ledger.journal import post
from ledger.journal.surely import post_surely
from ledger.journal.sweep import post_due
from ledger.messages import Message
from ledger.models import Account, OutboxRow, ParkedMessage, Transaction, WaitingCommand
from ledger.outcomes import Status
from ledger.rules.batch import Waiting
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import consume, fresh, grant, open_account, opened_account, purchase, request, requests

GUILTY = "guilty"
GUILTY_ROW = f"NEW.reference_id = '{GUILTY}'"


def never(_: float) -> bool:
    raise AssertionError("there was no trouble to wait for")


def surely(*commands):
    return post_surely([Waiting(each) for each in requests(*commands)], pause=never)


@pytest.mark.django_db
@pytest.mark.parametrize("place", range(7))
def test_only_the_guilty_request_is_parked_wherever_it_stands(database_refuses, place):
    merchant_id = opened_account(credits_bought=100).merchant_id
    database_refuses("credit_transactions", GUILTY_ROW)
    commands = [consume(merchant_id=merchant_id, amount=amount) for amount in (1, 2, 3, 4, 5, 6)]
    commands.insert(place, consume(merchant_id=merchant_id, reference_id=GUILTY))

    posted = surely(*commands)

    statuses = [outcome.status for outcome in posted.outcomes]
    assert statuses == [Status.PARKED if index == place else Status.POSTED for index in range(7)]
    assert posted.outcomes[place].reason == "defect: IntegrityError"
    assert Account.objects.get().balance == 100 - 21
    rows = Transaction.objects.filter(operation="debit").order_by("sequence")
    assert [row.amount for row in rows] == [1, 2, 3, 4, 5, 6]  # in the order in which they came
    assert len(posted.recorded) == OutboxRow.objects.filter(event_type="evt.credits.consumed.v1").count() + 1  # low
    parked = ParkedMessage.objects.get()
    assert (parked.reason, parked.merchant_id) == ("defect", merchant_id)
    assert "refused by a test" in parked.detail
    assert_books_are_right()


@pytest.mark.django_db
def test_several_guilty_requests_are_each_parked(database_refuses):
    merchant_id = opened_account().merchant_id
    database_refuses("credit_transactions", "NEW.description = 'guilty'")
    commands = [grant(merchant_id=merchant_id, description="guilty" if n in (0, 3, 4) else "") for n in range(6)]

    posted = surely(*commands)

    assert [outcome.status is Status.PARKED for outcome in posted.outcomes] == [True, False, False, True, True, False]
    assert ParkedMessage.objects.count() == 3
    assert_books_are_right()


@pytest.mark.django_db
def test_a_guilty_message_is_parked_whole(database_refuses):
    command = consume(merchant_id=opened_account(credits_bought=50).merchant_id, reference_id=GUILTY)
    message = Message(queue="credits.consume", name=command.task, body=b"[[], {}, {}]", headers={"id": "m-1"})
    database_refuses("credit_transactions", GUILTY_ROW)

    for _ in range(2):
        post_surely([Waiting(request(command, message=lambda: message))], pause=never)

    parked = ParkedMessage.objects.get()
    assert (parked.queue, parked.name, parked.body) == ("credits.consume", "credits.consume", "[[], {}, {}]")
    assert parked.count == 2


@pytest.mark.django_db
def test_an_account_that_cannot_be_opened_is_parked_and_its_credits_wait(database_refuses):
    guilty = open_account(shop_domain="guilty.example.com")
    database_refuses("credit_accounts", "NEW.shop_domain = 'guilty.example.com'")

    posted = surely(guilty, purchase(merchant_id=guilty.merchant_id), open_account())

    assert [outcome.status for outcome in posted.outcomes] == [Status.PARKED, Status.WAITING, Status.POSTED]
    assert Account.objects.get().shop_domain != guilty.shop_domain


@pytest.mark.django_db
def test_an_account_opens_alone_where_what_waited_for_it_fails(database_refuses):
    opening = open_account()
    waiting = [grant(merchant_id=opening.merchant_id, reference_id=id_) for id_ in (fresh("g"), GUILTY, fresh("g"))]
    post(requests(*waiting))
    database_refuses("credit_transactions", GUILTY_ROW)

    posted = surely(opening)

    assert [outcome.status for outcome in posted.outcomes] == [Status.POSTED]
    assert Account.objects.get().balance == 0
    assert WaitingCommand.objects.count() == 3
    assert not ParkedMessage.objects.exists()

    post_due(limit=100, pause=never)

    assert Account.objects.get().balance == 20
    assert not WaitingCommand.objects.exists()
    assert ParkedMessage.objects.get().reason == "defect"
    assert_books_are_right()


@pytest.mark.django_db
def test_a_stored_request_that_fails_leaves_its_row_for_the_parked_one(database_refuses):
    merchant_id = opened_account().merchant_id
    WaitingCommand.objects.all().delete()
    command = grant(reference_id=GUILTY)
    post([request(command)])
    database_refuses("credit_transactions", GUILTY_ROW)
    post(requests(open_account(merchant_id=merchant_id)))
    post_surely([Waiting(request(open_account(merchant_id=command.merchant_id)))], pause=never)

    post_due(limit=100, pause=never)

    assert not WaitingCommand.objects.exists()
    assert ParkedMessage.objects.get().merchant_id == command.merchant_id


@pytest.mark.django_db
def test_a_stored_request_that_no_command_fits_any_more_is_parked_alone():
    account = opened_account()
    readable, narrowed, unknown = (grant(merchant_id=account.merchant_id) for _ in range(3))
    Account.objects.get()
    for command in (narrowed, readable, unknown):
        _store_as_waiting(command)
    WaitingCommand.objects.filter(kwargs__reference_id=narrowed.reference_id).update(kwargs={"amount": "many"})
    WaitingCommand.objects.filter(kwargs__reference_id=unknown.reference_id).update(task="credits.no_more")

    post_due(limit=100, pause=never)

    assert Account.objects.get().balance == readable.amount
    assert not WaitingCommand.objects.exists()
    parked = ParkedMessage.objects.order_by("id")
    assert [row.reason for row in parked] == ["defect", "defect"]
    assert {row.body for row in parked} == {narrowed.reference_id, unknown.reference_id}


def _store_as_waiting(command):
    """Its account is open already, as when the opening could not post it."""
    message = Message(queue="credits.grants", name=command.task, body=command.reference_id.encode())
    merchant_id = command.merchant_id
    elsewhere = command.model_copy(update={"merchant_id": open_account().merchant_id})
    post([request(elsewhere, message=lambda: message)])
    WaitingCommand.objects.filter(kwargs__reference_id=command.reference_id).update(
        merchant_id=merchant_id, kwargs=command.model_dump(mode="json", exclude_unset=True)
    )
