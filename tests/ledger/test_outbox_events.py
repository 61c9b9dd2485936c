"""The outbox: an event is there if and only if its cause is, whatever happens while both are being written."""

from itertools import count

import pytest
from django.db import connection

from ledger.journal import post
from ledger.journal.surely import post_surely
from ledger.models import Account, OutboxBatch, OutboxRow, ParkedMessage, Transaction
from ledger.rules.batch import Waiting
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import (
    CORRELATION_ID,
    consume,
    fresh,
    grant,
    open_account,
    opened_account,
    purchase,
    request,
    requests,
)
from tests.ledger.raw_sql import contents

FOLLOW_UPS = {
    "granted": ("event", "evt.credits.granted.v1"),
    "consumed": ("event", "evt.credits.consumed.v1"),
    "insufficient": ("event", "evt.credits.insufficient.v1"),
    "recovered": ("event", "evt.credits.recovered.v1"),
    "low_balance": ("task", "credits.notify_low_balance"),
    "exhausted": ("task", "credits.notify_exhausted"),
}


class Crash(BaseException):
    """The process ends here."""


def everything():
    return [contents(), list(OutboxRow.objects.values()), list(ParkedMessage.objects.values())]


def every_write():
    """A batch that writes to every table."""
    held = opened_account(credits_bought=50)
    account = opened_account(credits_bought=150)
    opening = open_account()
    post(requests(grant(merchant_id=opening.merchant_id)))
    conflict = purchase(merchant_id=held.merchant_id)
    post(requests(conflict))
    return requests(
        opening,
        open_account(merchant_id=held.merchant_id),
        consume(merchant_id=account.merchant_id, amount=150),
        conflict.model_copy(update={"merchant_id": account.merchant_id}),
        grant(),
    )


@pytest.mark.django_db
def test_wherever_a_batch_ends_midway_nothing_of_it_remains():
    batch = every_write()
    before = everything()
    crashes = 0

    for statement in count(1):
        try:
            with connection.execute_wrapper(_crash_after(statement)):
                post(batch)
        except Crash:
            crashes += 1
            assert everything() == before
        else:
            break

    assert crashes > 10
    assert everything() != before
    assert_books_are_right()


def _crash_after(last):
    statements = count(1)

    def wrapper(execute, sql, params, many, context):
        # Rolling back, which is done by statements too, is what the database does by itself when a process ends.
        result = execute(sql, params, many, context)
        if "SAVEPOINT" not in sql and next(statements) == last:
            raise Crash
        return result

    return wrapper


@pytest.mark.django_db
def test_a_change_whose_event_cannot_be_stored_does_not_happen(database_refuses):
    account = opened_account(credits_bought=50)
    before = contents()
    database_refuses("credit_outbox", "NEW.event_type = 'evt.credits.consumed.v1'")

    post_surely([Waiting(request(consume(merchant_id=account.merchant_id)))], pause=lambda _: False)

    assert contents() == before
    assert ParkedMessage.objects.get().reason == "defect"


@pytest.mark.django_db
def test_an_event_whose_number_is_taken_is_never_dropped():
    account = opened_account(credits_bought=50)
    OutboxRow.objects.create(
        batch=OutboxBatch.objects.get(),
        destination="event",
        name="evt.credits.granted.v1",
        body={},
        account=account,
        account_sequence=2,
        correlation_id="",
        created_at=account.created_at,
    )
    before = contents()

    post_surely([Waiting(request(grant(merchant_id=account.merchant_id)))], pause=lambda _: False)

    assert contents() == before  # no grant without its event
    assert ParkedMessage.objects.get().reason == "defect"


@pytest.mark.django_db
def test_each_event_goes_where_its_follow_up_says_with_the_finished_envelope():
    account = opened_account(platform_name="magento")
    merchant_id = account.merchant_id
    changes = [purchase(merchant_id=merchant_id, credits=120), consume(merchant_id=merchant_id, amount=120)]
    changes += [consume(merchant_id=merchant_id), purchase(merchant_id=merchant_id, credits=100)]

    post(requests(*changes))

    rows = list(OutboxRow.objects.order_by("account_sequence"))
    named = [row.event_type.split(".")[2] for row in rows]
    assert named == ["granted", "consumed", "low_balance", "exhausted", "insufficient", "granted", "recovered"]
    assert [row.account_sequence for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    for row, name in zip(rows, named, strict=True):
        assert (row.destination, row.name) == FOLLOW_UPS[name]
        assert row.account == account
        cause = Transaction.objects.get(id=row.transaction_id)
        envelope = row.body
        assert (
            list(envelope)
            == [
                *("event_id", "event_type", "correlation_id", "source_service", "timestamp", "data", "metadata"),
            ]
            or connection.vendor == "postgresql"
        )  # which orders keys by itself
        assert envelope["event_type"] == row.event_type
        assert (envelope["source_service"], envelope["correlation_id"]) == ("credit-service", CORRELATION_ID)
        assert envelope["metadata"] == {
            "account_sequence": row.account_sequence,
            "transaction_sequence": cause.sequence,
        }
        assert envelope["timestamp"] == cause.created_at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    assert len({row.body["event_id"] for row in rows}) == len(rows)


@pytest.mark.django_db
def test_what_is_to_be_published_is_what_was_stored_in_order():
    merchant_id = opened_account(credits_bought=200).merchant_id

    posted = post_surely(
        [
            Waiting(each)
            for each in requests(consume(merchant_id=merchant_id, amount=200), grant(merchant_id=merchant_id))
        ],
        pause=lambda _: False,
    )

    stored = OutboxRow.objects.order_by("account_sequence")[1:]
    assert [(row.id, row.destination, row.name, row.body) for row in stored] == [
        (recorded.id, recorded.destination, recorded.name, recorded.body) for recorded in posted.recorded
    ]


@pytest.mark.django_db
def test_a_replay_and_a_conflict_tell_nothing_and_a_declined_credit_once():
    full = opened_account()
    other = opened_account()
    bought = purchase(merchant_id=full.merchant_id, purchase_id=fresh("p"))
    post(requests(bought))
    Account.objects.filter(id=full.id).update(balance=10**15, total_granted=10**15)
    before = OutboxRow.objects.count()

    post(
        requests(
            bought,
            bought.model_copy(update={"merchant_id": other.merchant_id}),
            grant(merchant_id=full.merchant_id),
        )
    )

    (declined,) = OutboxRow.objects.order_by("id")[before:]
    assert (declined.event_type, declined.body["data"]["reason"]) == ("evt.credits.declined.v1", "balance_limit")
