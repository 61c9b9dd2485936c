"""The batch is the primitive: a post of 500 requests sends as many statements as a post of one."""

import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ledger.journal import post
from ledger.journal.write import TRANSACTION
from ledger.models import Transaction
from ledger.rules.state import Entry
from tests.ledger.builders import (
    capture,
    consume,
    grant,
    hold,
    open_account,
    opened_account,
    purchase,
    release,
    requests,
    reverse,
)


@contextmanager
def statements():
    sent = []

    def wrapper(execute, sql, params, many, context):
        sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield sent


def of_every_kind(count):
    """So many requests each to open, grant, consume, decline, replay, wait and park; all that they need is there."""
    replayed = [grant(merchant_id=opened_account().merchant_id) for _ in range(count)]
    post(requests(*replayed))
    other = opened_account().merchant_id
    commands = []
    for held in replayed:
        opening = open_account()
        ours = {"merchant_id": opening.merchant_id}
        commands += [opening, purchase(**ours, credits=50), consume(**ours, amount=20), consume(**ours, amount=99)]
        commands += [held, held.model_copy(update={"merchant_id": other}), grant()]
        commands.append(open_account(merchant_id=held.merchant_id))
    return requests(*commands)


@pytest.mark.django_db
def test_five_hundred_requests_take_as_many_statements_as_one():
    merchant_id = opened_account(credits_bought=1000).merchant_id
    sent = []
    for size in (1, 500):
        batch = requests(*(consume(merchant_id=merchant_id, amount=1) for _ in range(size)))
        with statements() as of_this_size:
            post(batch)
        sent.append(of_this_size)

    assert Transaction.objects.filter(operation="debit").count() == 501
    assert len(sent[0]) == len(sent[1]) < 12


def of_lots_and_holds(count):
    """So many accounts with three lots and a hold; then a capture, a release, reversals, and something due on each."""
    soon = timezone.now() + timedelta(seconds=2)  # more than it takes to post what comes first
    first, then = [], []
    for _ in range(count):
        ours = {"merchant_id": opened_account(credits_bought=50).merchant_id}
        granted, spent = grant(**ours, amount=9, priority=99, expires_at=soon), consume(**ours, amount=20)
        taken, freed = hold(**ours), hold(**ours)
        first += [granted, grant(**ours, effective_at=soon), spent, taken, freed]
        then += [capture(taken, amount=3), release(freed), consume(**ours, amount=1), hold(**ours, amount=1)]
        then += [reverse((it.reference_type, it.reference_id), **ours, amount=1) for it in (spent, spent, granted)]
    post(requests(*first))
    while timezone.now() <= soon:
        time.sleep(0.01)
    return requests(*then)


def test_an_entry_is_a_row_with_its_fields_in_the_order_of_the_columns():
    assert tuple(TRANSACTION) == Entry._fields


@pytest.mark.slow
@pytest.mark.django_db
def test_so_does_a_batch_of_lots_and_holds_with_something_due_on_every_account():
    sent = []
    for size in (1, 30):
        batch = of_lots_and_holds(size)
        with statements() as of_this_size:
            post(batch)
        sent.append(of_this_size)

    assert Transaction.objects.filter(kind="expire").count() == 31
    assert len(sent[0]) == len(sent[1]) < 20


@pytest.mark.django_db
def test_so_does_a_batch_of_every_kind_over_many_accounts():
    sent = []
    for size in (1, 30):
        batch = of_every_kind(size)
        with statements() as of_this_size:
            post(batch)
        sent.append(of_this_size)

    assert len(sent[0]) == len(sent[1]) < 18
