"""The database's roles of deploy/: the service works under its own, and each forbidden statement is refused."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.contrib.auth.models import User
from django.db import connection

from creditsvc.environment import BASE_DIR
from ledger.journal import post
from ledger.models import Redaction, Transaction
from tests.admin.books import one_of_everything
from tests.ledger.builders import consume_match, opened_account, requests
from tests.processes import in_this_environment, service_environment
from tests.roles import READER, REDACTION, SERVICE, WEB, apply_roles, drop_logins, login

pytestmark = [pytest.mark.servers, pytest.mark.slow]

EVERYONE = (SERVICE, WEB, REDACTION, READER)
BOOKS = {
    "credit_accounts", "credit_account_changes", "credit_adjustments", "credit_holds", "credit_lots", "credit_outbox",
    "credit_outbox_batches", "credit_parked", "credit_parked_acts", "credit_redactions", "credit_replay_outcomes",
    "credit_shop_differences", "credit_transactions", "credit_waiting",
}  # fmt: skip
STAFF = {
    "auth_group", "auth_group_permissions", "auth_user", "auth_user_groups", "auth_user_user_permissions",
    "django_session", "axes_accessattempt", "axes_accessattemptexpiration", "axes_accessfailurelog", "axes_accesslog",
}  # fmt: skip
ALL_FOUR = {"SELECT", "INSERT", "UPDATE", "DELETE"}
READ = {"SELECT"}
ADD = {"SELECT", "INSERT"}
MOVE = {"SELECT", "INSERT", "UPDATE"}
CHANGE = {"SELECT", "UPDATE"}
LEDGER = {
    **dict.fromkeys(BOOKS | {"django_migrations"}, READ),
    **dict.fromkeys({"credit_transactions", "credit_account_changes", "credit_shop_differences"}, ADD),
    **dict.fromkeys({"credit_accounts", "credit_lots", "credit_holds"}, MOVE),
    **dict.fromkeys({"credit_outbox", "credit_outbox_batches", "credit_parked"}, ALL_FOUR),
    **dict.fromkeys({"credit_replay_outcomes", "credit_waiting"}, ALL_FOUR),
    "credit_parked_acts": ADD | {"DELETE"},
}
MAY: dict[str, dict[str, set[str]]] = {
    SERVICE: LEDGER,
    WEB: {
        **LEDGER,
        **dict.fromkeys(STAFF, ALL_FOUR),
        "credit_adjustments": MOVE,
        "django_admin_log": ADD,
        "django_content_type": READ,
        "auth_permission": READ,
    },
    REDACTION: {
        **dict.fromkeys(BOOKS | {"django_migrations"}, READ),
        **dict.fromkeys({"credit_outbox", "credit_parked", "credit_replay_outcomes", "credit_waiting"}, CHANGE),
        "credit_parked_acts": MOVE,
        "credit_redactions": ADD,
    },
    READER: dict.fromkeys(BOOKS | {"django_migrations"}, READ),
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def owner_url(own_database: str) -> Iterator[str]:
    """The database's owner, with the roles applied."""
    apply_roles(own_database)
    yield own_database
    drop_logins(own_database)


@pytest.fixture
def run_as(owner_url: str, embedded_broker_url: str) -> Run:
    """Runs manage.py as a new login of a role."""

    def run(role: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = service_environment(database_url=login(owner_url, role=role), broker_url=embedded_broker_url)
        command = in_this_environment(("manage.py", *arguments))
        return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)

    return run


def refused(url: str, statement: str) -> bool:
    """Whether the database refuses a statement for want of a privilege; whatever else it says counts as allowed."""
    with closing(psycopg2.connect(url)) as as_somebody, as_somebody.cursor() as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.errors.InsufficientPrivilege:
            return True
        except psycopg2.Error:
            return False
        finally:
            as_somebody.rollback()
    return False


def tables() -> dict[str, str]:
    """Every table with one of its columns."""
    with connection.cursor() as cursor:
        names = [table.name for table in connection.introspection.get_table_list(cursor)]
        return {name: connection.introspection.get_table_description(cursor, name)[0].name for name in names}


@pytest.mark.parametrize("role", EVERYONE)
def test_each_role_may_do_its_own_work_in_each_table_and_nothing_else(role: str, owner_url: str) -> None:
    url = login(owner_url, role=role)

    done = {}
    for table, column in tables().items():
        statements = {
            "SELECT": f"SELECT {column} FROM {table} LIMIT 1",
            "INSERT": f"INSERT INTO {table} DEFAULT VALUES",
            "UPDATE": f"UPDATE {table} SET {column} = NULL WHERE false",
            "DELETE": f"DELETE FROM {table} WHERE false",
            "TRUNCATE": f"TRUNCATE {table}",
            "REFERENCES": f"CREATE TEMPORARY TABLE spy (a text REFERENCES {table})",
            "TRIGGER": f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            "DROP": f"DROP TABLE {table}",
        }
        if allowed := {verb for verb, statement in statements.items() if not refused(url, statement)}:
            done[table] = allowed

    assert done == MAY[role]


GRANTING = "GRANT ALL ON credit_transactions TO PUBLIC"  # grants what one has, which is nothing, and only warns
FORBIDDEN = [
    "UPDATE credit_transactions SET amount = amount + 1",
    "UPDATE credit_transactions SET digest = ''",
    "DELETE FROM credit_transactions",
    "TRUNCATE credit_transactions CASCADE",
    "ALTER TABLE credit_transactions DISABLE TRIGGER transaction_never_changes",
    "SET session_replication_role = replica",
    "DROP FUNCTION credit_refuse() CASCADE",
    "CREATE OR REPLACE FUNCTION credit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine SUPERUSER",
    "COPY credit_transactions TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT passwd FROM pg_shadow",
]


@pytest.mark.parametrize("role", EVERYONE)
def test_no_role_can_change_a_transaction_or_get_round_what_forbids_it(role: str, owner_url: str) -> None:
    opened_account(credits_bought=5)
    url = login(owner_url, role=role)

    done = [statement for statement in FORBIDDEN if not refused(url, statement)]
    refused(url, GRANTING)

    assert done == []
    assert refused(login(owner_url, role=READER), "UPDATE credit_transactions SET amount = 1")


def test_a_login_of_another_database_does_not_get_in(owner_url: str) -> None:
    with closing(psycopg2.connect(owner_url)) as owner, owner.cursor() as cursor:
        owner.autocommit = True
        cursor.execute("CREATE ROLE stranger_of_tests LOGIN PASSWORD 'stranger'")
        try:
            place = urlsplit(owner_url)
            netloc = f"stranger_of_tests:stranger@{place.hostname}:{place.port}"
            with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
                psycopg2.connect(place._replace(netloc=netloc).geturl())
        finally:
            cursor.execute("DROP ROLE stranger_of_tests")


def test_erasure_is_done_under_a_role_of_its_own(run_as: Run) -> None:
    account = opened_account(credits_bought=5)
    from_the_books = consume_match(merchant_id=account.merchant_id, shopper_id="shopper-1")
    post(requests(from_the_books))
    erase = ("redact", "--shopper", "shopper-1", "--reason", "asked for", "--actor", "anna", "--yes")

    as_service, as_web = run_as(SERVICE, *erase), run_as(WEB, *erase)
    erased = run_as(REDACTION, *erase)

    assert (as_service.returncode, as_web.returncode) == (1, 1)
    assert "permission denied" in as_service.stderr
    assert erased.returncode == 0, erased.stderr
    assert Transaction.objects.get(reference_id=from_the_books.match_id).metadata == {}
    assert Redaction.objects.count() == 1


@pytest.mark.parametrize(
    ("role", "arguments"),
    [
        (READER, ("audit", "--chain")),
        (SERVICE, ("audit",)),
        (SERVICE, ("prune", "outbox", "--older-than", "30d")),
        (SERVICE, ("prune", "parked", "--older-than", "30d")),
        (SERVICE, ("prune", "waiting", "--older-than", "30d")),
        (WEB, ("parked", "list")),
        (WEB, ("check", "--database", "default")),
    ],
)
def test_commands_run_under_the_role_that_the_script_names_for_them(
    role: str, arguments: tuple[str, ...], run_as: Run
) -> None:
    one_of_everything()

    ran = run_as(role, *arguments)

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_staff_commands_run_under_the_webs_role(run_as: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    account = opened_account(credits_bought=5)
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "only-for-this-test-17")

    made = run_as(WEB, "createsuperuser", "--noinput", "--username", "root", "--email", "root@example.com")
    merchant = str(account.merchant_id)
    adjusted = run_as(
        WEB, "account", "adjust", merchant, "7", "--category", "paid", "--actor", "anna", "--reason", "right", "--yes"
    )
    frozen = run_as(WEB, "account", "freeze", merchant, "--actor", "anna", "--reason", "right")

    assert made.returncode == 0, made.stderr
    assert User.objects.get().is_superuser
    assert (adjusted.returncode, frozen.returncode) == (0, 0), adjusted.stderr + frozen.stderr
    account.refresh_from_db()
    assert (account.balance, account.frozen) == (12, True)


def test_logins_are_made_from_the_environment_and_made_again_with_another_password(
    owner_url: str, tmp_path: Path
) -> None:
    folder = BASE_DIR / "deploy" / "postgresql"

    def apply(password: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            **{f"DATABASE_{who}_PASSWORD": password for who in ("SERVICE", "WEB", "REDACTION")},
        }
        command = ["psql", owner_url, "-qX", "-v", "ON_ERROR_STOP=1", "-f", folder / "roles.sql"]
        subprocess.run(
            [*command, "-f", folder / "logins.sql"], env=environment, check=True, capture_output=True, text=True
        )

    place = urlsplit(owner_url)
    try:
        for password in ("it's-one", "another"):
            apply(password)
            for name in ("credits_worker", "credits_site", "credits_eraser"):
                with (
                    closing(
                        psycopg2.connect(
                            host=place.hostname, port=place.port, dbname=place.path[1:], user=name, password=password
                        )
                    ) as as_login,
                    as_login.cursor() as cursor,
                ):
                    cursor.execute("SELECT count(*) FROM credit_transactions")
    finally:
        with closing(psycopg2.connect(owner_url)) as owner, owner.cursor() as cursor:
            owner.autocommit = True
            for name in ("credits_worker", "credits_site", "credits_eraser"):
                cursor.execute(f"DROP ROLE IF EXISTS {name}")


def test_the_script_can_be_run_again_and_takes_back_what_it_does_not_grant(owner_url: str) -> None:
    with closing(psycopg2.connect(owner_url)) as owner, owner.cursor() as cursor:
        cursor.execute("GRANT UPDATE ON credit_transactions TO credits_service")
        cursor.execute("GRANT SELECT ON auth_user TO PUBLIC")
        owner.commit()

    url = apply_roles(owner_url)

    assert refused(url, "UPDATE credit_transactions SET amount = 1")
    assert refused(url, "SELECT password FROM auth_user")
