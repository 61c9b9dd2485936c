"""Races: batches that overlap, requests that overtake their opening, sweeps side by side, killed workers."""

import random
from itertools import cycle, islice
from multiprocessing import get_context

import pytest
from django.db import connection
from django.utils import timezone

from ledger.journal.outbox import lease_unpublished
from ledger.journal.sweep import park_outlived, post_due, send_due_again
from ledger.models import Account, OutboxBatch, ParkedMessage, Transaction, WaitingCommand
from ledger.outcomes import Status
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import consume, consume_match, grant, open_account, opened_account, purchase, requests
from tests.ledger.outbox_rows import each_apart
from tests.ledger.racing import post_in_turn, post_together, wait
from tests.processes import eventually

ROUNDS = 15
pytestmark = pytest.mark.servers


def lease_ten():
    """What a relay's sweep takes."""
    return [row.id for row in lease_unpublished(limit=10)]


def sweep_what_waits():
    """What the sweep over waiting rows does."""
    posted = len(post_due(limit=500, pause=wait).outcomes)
    return posted, send_due_again(limit=500), park_outlived(limit=500)


def test_overlapping_batches_in_opposite_orders_all_come_through(own_database, racers):
    merchants = [opened_account(credits_bought=1000).merchant_id for _ in range(12)]
    shared = [consume(merchant_id=merchant_id) for merchant_id in merchants for _ in range(5)]
    orders = [shared, shared[::-1], shared[30:] + shared[:30], shared[::2] + shared[1::2]]
    turns_of_each = [
        [
            (
                requests(
                    *order,
                    *(grant(merchant_id=merchant_id, amount=1) for merchant_id in islice(cycle(merchants), n, n + 8)),
                ),
            )
            for n in range(ROUNDS)
        ]
        for order in orders
    ]

    answers = racers.race(own_database, post_together, *turns_of_each)

    outcomes = [outcome for of_one in answers for of_turn in of_one for outcome in of_turn]
    assert {outcome.status for outcome in outcomes} == {Status.POSTED}
    assert Transaction.objects.filter(operation="debit").count() == len(shared)
    assert Transaction.objects.filter(reference_type="goodwill").count() == 8 * ROUNDS * racers.size
    assert_books_are_right()


def test_overlapping_batches_that_open_wait_and_conflict_all_come_through(own_database, racers):
    turns_of_each = [[] for _ in range(racers.size)]
    for _ in range(ROUNDS):
        openings = [open_account() for _ in range(6)]
        bought = [purchase(merchant_id=opening.merchant_id) for opening in openings]
        stolen = [command.model_copy(update={"merchant_id": openings[0].merchant_id}) for command in bought[1:]]
        for number, turns in enumerate(turns_of_each):
            batch = [*openings, *bought, *stolen]
            random.Random(number).shuffle(batch)
            turns.append((requests(*batch),))

    racers.race(own_database, post_together, *turns_of_each)
    post_due(limit=500, pause=wait)

    assert Account.objects.count() == 6 * ROUNDS
    assert Transaction.objects.count() == 6 * ROUNDS
    assert not WaitingCommand.objects.exists()
    assert set(ParkedMessage.objects.values_list("reason", flat=True)) == {"idempotency_conflict"}
    assert_books_are_right()


def test_what_arrives_while_its_account_opens_is_applied_by_the_opening_or_by_the_sweep(own_database, racers):
    openings = [open_account() for _ in range(ROUNDS * 3)]
    arriving = [[(requests(opening),) for opening in openings]]
    for build in (grant, purchase, consume_match):
        arriving.append([(requests(build(merchant_id=opening.merchant_id)),) for opening in openings])

    racers.race(own_database, post_together, *arriving)
    post_due(limit=500, pause=wait)

    assert not WaitingCommand.objects.exists()
    assert Transaction.objects.count() == 3 * len(openings)
    assert not ParkedMessage.objects.exists()
    assert_books_are_right()


def test_an_outbox_row_is_leased_by_one_sweep_only(own_database, racers):
    merchant_id = opened_account().merchant_id
    post_together(requests(*(grant(merchant_id=merchant_id) for _ in range(500))))
    each_apart()
    OutboxBatch.objects.update(publish_after=timezone.now())

    answers = racers.race(own_database, lease_ten, *[[()] * ROUNDS] * racers.size)

    leased = [row for of_one in answers for of_turn in of_one for row in of_turn]
    assert len(leased) == len(set(leased)) == min(500, 10 * ROUNDS * racers.size)


def test_sweeps_side_by_side_apply_each_waiting_command_once(own_database, racers):
    openings = [open_account() for _ in range(20)]
    due = [grant(merchant_id=opening.merchant_id) for opening in openings for _ in range(10)]
    post_together(requests(*due))
    outliving = requests(*(grant() for _ in range(50)))
    post_together(outliving)
    nobody = [request.command.merchant_id for request in outliving]
    WaitingCommand.objects.filter(merchant_id__in=nobody).update(park_at=timezone.now())
    for opening in openings:
        Account.objects.create(
            **opening.model_dump(exclude={"correlation_id"}), created_at=timezone.now(), updated_at=timezone.now()
        )

    racers.race(own_database, sweep_what_waits, *[[()] * 3] * racers.size)

    assert not WaitingCommand.objects.exists()
    assert Transaction.objects.count() == len(due)
    assert ParkedMessage.objects.count() == 50
    assert set(ParkedMessage.objects.values_list("count", flat=True)) == {1}
    assert_books_are_right()


# A worker that is killed


def test_a_worker_killed_at_any_instruction_leaves_each_request_applied_once(own_database):
    account = opened_account(credits_bought=10_000)
    batches = [requests(*(consume(merchant_id=account.merchant_id, amount=1) for _ in range(20))) for _ in range(150)]
    applied = [0]
    for _ in range(3):
        worker = get_context("spawn").Process(target=post_in_turn, daemon=True, args=(own_database, batches))
        worker.start()
        eventually(lambda: debits() > applied[-1] + 100, what="a worker that posts")
        worker.kill()
        worker.join()
        applied.append(debits())
        assert applied[-1] % 20 == 0  # a batch is there as a whole or not at all

    for batch in batches:
        post_together(batch)

    assert debits() == 20 * len(batches)
    account.refresh_from_db()
    assert account.balance == 10_000 - 20 * len(batches)
    assert_books_are_right()


def debits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM credit_transactions WHERE operation = 'debit'")
        return cursor.fetchone()[0]
