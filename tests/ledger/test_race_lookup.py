"""Races: references are looked up after the locks are had, in a statement of its own; the clock is read then, too."""

from importlib import import_module
from threading import Event, Thread

import psycopg2
import pytest
from django.db import connection

from ledger import dialect
from ledger.journal import post
from ledger.models import Transaction
from ledger.outcomes import Status
from tests.ledger.builders import change_shop, consume, opened_account, requests
from tests.processes import eventually

pytestmark = pytest.mark.servers
WAITS_FOR_A_LOCK = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def in_a_thread(work):
    """Run work in a thread with a database connection of its own; its results go to the list."""
    results = []

    def run():
        try:
            results.extend(work())
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread, results


def post_one_behind_the_other(database_url, first, second, *, before_the_commit=lambda: None):
    """Post a second command while the first one's transaction holds the account's lock; the outcomes of each.

    before_the_commit is called once the second one waits for that lock.
    """
    has_locked, may_commit = Event(), Event()

    def hold_before_commit(run, sql, params, many, context):
        if "INTO credit_outbox" in sql:
            has_locked.set()
            assert may_commit.wait(60)
        return run(sql, params, many, context)

    def post_first():
        with connection.execute_wrapper(hold_before_commit):
            return post(requests(first))

    ahead, outcomes_of_first = in_a_thread(post_first)
    assert has_locked.wait(60)
    behind, outcomes_of_second = in_a_thread(lambda: post(requests(second)))
    watching = psycopg2.connect(database_url)
    watching.autocommit = True
    with watching.cursor() as cursor:
        eventually(lambda: cursor.execute(WAITS_FOR_A_LOCK) or cursor.fetchall(), what="a request that waits")
    watching.close()
    before_the_commit()
    may_commit.set()
    ahead.join()
    behind.join()
    return outcomes_of_first, outcomes_of_second


def test_a_request_that_waited_for_a_lock_sees_what_was_posted_under_it(own_database, monkeypatch):
    monkeypatch.setattr(
        import_module("ledger.journal.post"), "MAX_RUNS", 1
    )  # no second run that would find it after all
    command = consume(merchant_id=opened_account(credits_bought=50).merchant_id)

    first_outcomes, second_outcomes = post_one_behind_the_other(own_database, command, command)

    assert [(outcome.status, outcome.replayed) for outcome in first_outcomes] == [(Status.POSTED, False)]
    assert [(outcome.status, outcome.replayed) for outcome in second_outcomes] == [(Status.POSTED, True)]


def test_what_changes_an_account_waits_for_what_moves_its_credits(own_database):
    account = opened_account(credits_bought=50)
    moved = change_shop(merchant_id=account.merchant_id)

    _, outcomes = post_one_behind_the_other(own_database, consume(merchant_id=account.merchant_id), moved)

    account.refresh_from_db()
    assert [outcome.status for outcome in outcomes] == [Status.POSTED]
    assert (account.balance, account.shop_domain) == (40, moved.shop_domain)


def test_a_request_that_waited_for_a_lock_is_dated_after_it_had_it(own_database):
    merchant_id = opened_account(credits_bought=50).merchant_id
    committed_at = []

    _, (outcome,) = post_one_behind_the_other(
        own_database,
        consume(merchant_id=merchant_id),
        consume(merchant_id=merchant_id),
        before_the_commit=lambda: committed_at.append(dialect.current().clock()),
    )

    assert Transaction.objects.get(id=outcome.transaction_id).created_at > committed_at[0]
