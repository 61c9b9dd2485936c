"""Races: references are looked up after the locks are had, in a statement of its own."""

from importlib import import_module
from threading import Event, Thread

import psycopg2
import pytest
from django.db import connection

from ledger.journal import post
from ledger.outcomes import Status
from tests.ledger.builders import consume, opened_account, requests
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


def test_a_request_that_waited_for_a_lock_sees_what_was_posted_under_it(own_database, monkeypatch):
    monkeypatch.setattr(
        import_module("ledger.journal.post"), "MAX_RUNS", 1
    )  # no second run that would find it after all
    command = consume(merchant_id=opened_account(credits_bought=50).merchant_id)
    has_locked, may_commit = Event(), Event()

    def hold_before_commit(run, sql, params, many, context):
        if "INTO credit_outbox" in sql:
            has_locked.set()
            assert may_commit.wait(60)
        return run(sql, params, many, context)

    def post_first():
        with connection.execute_wrapper(hold_before_commit):
            return post(requests(command))

    first, first_outcomes = in_a_thread(post_first)
    assert has_locked.wait(60)
    second, second_outcomes = in_a_thread(lambda: post(requests(command)))
    watching = psycopg2.connect(own_database)
    watching.autocommit = True
    with watching.cursor() as cursor:
        eventually(lambda: cursor.execute(WAITS_FOR_A_LOCK) or cursor.fetchall(), what="a request that waits")
    watching.close()
    may_commit.set()
    first.join()
    second.join()

    assert [(outcome.status, outcome.replayed) for outcome in first_outcomes] == [(Status.POSTED, False)]
    assert [(outcome.status, outcome.replayed) for outcome in second_outcomes] == [(Status.POSTED, True)]
