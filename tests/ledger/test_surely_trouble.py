"""Posting surely: while the database is in trouble a batch is tried again, and nothing is parked or dropped for it."""

import sqlite3
from contextlib import closing
from threading import Thread

import psycopg2
import pytest
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, connections
from django.db.transaction import atomic

from creditsvc.settings import database
from ledger.errors import Trouble
from ledger.journal.surely import post_surely, through_trouble
from ledger.models import Account, OutboxRow, ParkedMessage
from ledger.outcomes import Status
from ledger.rules.batch import Waiting
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import consume, open_account, opened_account, purchase, requests
from tests.ledger.raw_sql import contents, execute, on_sqlite
from tests.processes import eventually
from tests.servers.postgresql import PostgreSQL


class Pauses:
    """Counts the pauses, does something at the second one, and goes on or not."""

    def __init__(self, relief=lambda: None, *, gives_up_after=None):
        self.relief, self.gives_up_after, self.seconds = relief, gives_up_after, []

    def __call__(self, seconds):
        self.seconds.append(seconds)
        if len(self.seconds) == 2:
            self.relief()
        return self.gives_up_after is None or len(self.seconds) < self.gives_up_after


def surely(*commands, pause):
    return post_surely([Waiting(each) for each in requests(*commands)], pause=pause).outcomes


def assert_posted_once_after(pauses, outcomes, *, balance):
    assert [(outcome.status, outcome.replayed) for outcome in outcomes] == [(Status.POSTED, False)]
    assert len(pauses.seconds) >= 2
    assert Account.objects.get().balance == balance
    assert not ParkedMessage.objects.exists()
    assert_books_are_right()


# SQLite


@pytest.fixture
def locked(own_database, monkeypatch):
    """An account, then a lock that another process holds on the SQLite file of the books, until it is closed."""
    account = opened_account(credits_bought=50)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.01)
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield account, other


@on_sqlite
def test_a_locked_sqlite_file_is_trouble_and_is_waited_for(locked):
    account, other = locked
    pauses = Pauses(other.rollback)

    outcomes = surely(consume(merchant_id=account.merchant_id), pause=pauses)

    assert_posted_once_after(pauses, outcomes, balance=40)


@on_sqlite
def test_where_waiting_ends_nothing_has_been_changed(locked):
    account, other = locked
    before = contents()
    pauses = Pauses(gives_up_after=3)

    with pytest.raises(Trouble) as trouble:
        surely(consume(merchant_id=account.merchant_id), pause=pauses)

    other.rollback()
    assert "locked" in str(trouble.value.__cause__)
    assert pauses.seconds == [0.05, 0.1, 0.2]
    assert contents() == before
    assert not ParkedMessage.objects.exists()


@on_sqlite
def test_pauses_grow_to_five_seconds_and_no_further(locked):
    account, other = locked
    pauses = Pauses(gives_up_after=10)

    with pytest.raises(Trouble):
        surely(consume(merchant_id=account.merchant_id), pause=pauses)

    other.rollback()
    assert pauses.seconds == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_within_a_callers_transaction_posting_surely_is_refused_and_leaves_it_alone(own_database):
    account = opened_account(credits_bought=50)

    with atomic():
        with pytest.raises(RuntimeError, match="durable"):
            surely(consume(merchant_id=account.merchant_id), pause=Pauses())
        Account.objects.filter(id=account.id).update(shop_domain="other.example.com")

    account.refresh_from_db()
    assert (account.balance, account.shop_domain) == (50, "other.example.com")
    assert not ParkedMessage.objects.exists()


# PostgreSQL


class Elsewhere:
    """Another session on the same database, as another process has it; its statements are committed at once."""

    def __init__(self, url):
        self.session = psycopg2.connect(url)
        self.session.autocommit = True

    def __call__(self, statement, parameters=()):
        with self.session.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def elsewhere(own_database):
    session = Elsewhere(own_database)
    yield session
    session.session.close()


@pytest.fixture
def watching(own_database):
    """A session that is in no transaction: within one, it would see the same sessions again and again."""
    session = Elsewhere(own_database)
    yield session
    session.session.close()


def blocked_backend(watching):
    """The server process that waits for a lock on this database, once there is one."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return eventually(lambda: watching(waiting), what="a session that waits for a lock")[0][0]


def until_gone(watching, pid):
    eventually(lambda: not watching("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]))


def cut(watching):
    """Cut this process's connection; the number of the server's process."""
    ((pid,),) = execute("SELECT pg_backend_pid()")
    watching("SELECT pg_terminate_backend(%s)", [pid])
    until_gone(watching, pid)
    return pid


LOCK = "BEGIN; SELECT 1 FROM credit_accounts FOR UPDATE"


@pytest.mark.servers
@pytest.mark.parametrize("table", ["credit_accounts", "credit_transactions", "credit_outbox"])
def test_a_connection_that_is_cut_amid_a_batch_is_opened_again(elsewhere, watching, table):
    account = opened_account(credits_bought=50)
    elsewhere(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE")
    outcomes = []
    pauses = Pauses()
    poster = Thread(
        target=lambda: (
            outcomes.extend(surely(consume(merchant_id=account.merchant_id), pause=pauses)),
            connection.close(),
        )
    )

    poster.start()
    for _ in range(2):
        pid = blocked_backend(watching)
        watching("SELECT pg_terminate_backend(%s)", [pid])
        until_gone(watching, pid)
    blocked_backend(watching)
    elsewhere("COMMIT")
    poster.join()

    assert_posted_once_after(pauses, outcomes, balance=40)


@pytest.mark.servers
def test_a_connection_that_was_cut_while_idle_is_opened_again(watching):
    account = opened_account(credits_bought=50)
    cut(watching)
    pauses = Pauses()

    outcomes = surely(consume(merchant_id=account.merchant_id), pause=pauses)

    assert [outcome.status for outcome in outcomes] == [Status.POSTED]
    assert len(pauses.seconds) == 1
    assert_books_are_right()


@pytest.mark.servers
def test_a_connection_that_was_cut_is_not_used_again_though_the_error_tells_of_no_trouble(watching):
    opened_account(credits_bought=50)
    pid = cut(watching)

    def work():
        try:
            execute("SELECT 1")
        except OperationalError as error:
            raise DatabaseError("error with status PGRES_TUPLES_OK and no message from the libpq") from error

    with pytest.raises(DatabaseError, match="no message"):
        through_trouble(work, pause=Pauses())

    assert execute("SELECT pg_backend_pid()") != [(pid,)]


@pytest.mark.servers
@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_a_lock_that_is_not_had_in_time_is_waited_for(elsewhere, limit):
    account = opened_account(credits_bought=50)
    its_database = connection.settings_dict["NAME"]
    elsewhere(f"ALTER DATABASE {its_database} SET {limit} = '20ms'")
    elsewhere(LOCK)
    connection.close()
    pauses = Pauses(lambda: elsewhere(f"COMMIT; ALTER DATABASE {its_database} RESET {limit}"))

    outcomes = surely(consume(merchant_id=account.merchant_id), pause=pauses)

    assert_posted_once_after(pauses, outcomes, balance=40)


@pytest.mark.servers
def test_a_database_that_is_read_only_is_waited_for(elsewhere):
    account = opened_account(credits_bought=50)
    its_database = connection.settings_dict["NAME"]
    elsewhere(f"ALTER DATABASE {its_database} SET default_transaction_read_only = on")
    connection.close()
    pauses = Pauses(lambda: elsewhere(f"ALTER DATABASE {its_database} RESET default_transaction_read_only"))

    outcomes = surely(consume(merchant_id=account.merchant_id), pause=pauses)

    assert_posted_once_after(pauses, outcomes, balance=40)


@pytest.mark.servers
def test_a_process_that_stood_still_for_so_long_that_it_was_cut_off_tries_again(own_database, watching, monkeypatch):
    account = opened_account(credits_bought=50)
    options = connection.settings_dict["OPTIONS"]
    usual = options["options"]
    monkeypatch.setitem(options, "options", f"{usual} -c idle_in_transaction_session_timeout=1")
    connection.close()
    pauses = Pauses(lambda: options.update(options=usual))

    def stand_still(run, sql, params, many, context):
        if "INTO credit_transactions" in sql and len(pauses.seconds) < 2:
            until_gone(watching, connection.connection.info.backend_pid)
        return run(sql, params, many, context)

    with connection.execute_wrapper(stand_still):
        outcomes = surely(consume(merchant_id=account.merchant_id), pause=pauses)

    assert_posted_once_after(pauses, outcomes, balance=40)


@pytest.mark.servers
def test_a_connection_that_the_client_has_lost_is_trouble(own_database):
    account = opened_account(credits_bought=50)
    attempts = []

    def work():
        attempts.append(1)
        with atomic():
            if len(attempts) < 3:
                connection.connection.close()
            return Account.objects.get().balance

    pauses = Pauses()

    assert through_trouble(work, pause=pauses) == account.balance
    assert len(pauses.seconds) == 2


@pytest.mark.servers
def test_where_waiting_ends_on_postgresql_nothing_has_been_changed(elsewhere, own_database):
    account = opened_account(credits_bought=50)
    before = contents()
    elsewhere(f"ALTER DATABASE {connection.settings_dict['NAME']} SET default_transaction_read_only = on")
    connection.close()

    with pytest.raises(Trouble):
        surely(consume(merchant_id=account.merchant_id), open_account(), pause=Pauses(gives_up_after=2))

    assert contents() == before
    assert not ParkedMessage.objects.exists()
    assert OutboxRow.objects.count() == 1


@pytest.mark.servers
def test_a_server_that_is_down_is_waited_for_and_what_it_had_committed_is_not_repeated(django_db_blocker):
    with PostgreSQL.for_tests() as server, django_db_blocker.unblock(), leading_to(server.url):
        call_command("migrate", verbosity=0)
        merchant_id = opened_account(credits_bought=50).merchant_id
        posted, posted_later = consume(merchant_id=merchant_id), consume(merchant_id=merchant_id)
        surely(posted, pause=Pauses())
        server.kill()
        pauses = Pauses(server.restart)

        outcomes = surely(posted, posted_later, purchase(merchant_id=merchant_id), pause=pauses)

        assert [(outcome.status, outcome.replayed) for outcome in outcomes] == [
            (Status.POSTED, True),
            (Status.POSTED, False),
            (Status.POSTED, False),
        ]
        assert len(pauses.seconds) >= 2
        assert Account.objects.get().balance == 50 - 20 + 100
        assert_books_are_right()


class leading_to:
    """Django's default connection leads to another server."""

    def __init__(self, url):
        self.there = database(url)

    def __enter__(self):
        self.before = dict(connections.settings["default"])
        connection.close()
        connections.settings["default"].update(
            {name: self.there[name] for name in ("NAME", "HOST", "PORT", "USER", "PASSWORD")}
        )

    def __exit__(self, *_):
        connection.close()
        connections.settings["default"].update(self.before)
