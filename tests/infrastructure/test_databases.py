"""A test's database is its own: nobody else's rows are in it, and it does not outlive the test."""

from threading import Thread
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from ledger.models import Account
from tests.databases import Databases, default_connection_to
from tests.fixtures.processes import RunProcess
from tests.processes import service_environment

pytestmark = pytest.mark.slow

THE_MERCHANT = UUID("11111111-1111-4111-8111-111111111111")
COUNT_ACCOUNTS = "from ledger.models import Account; print('accounts:', Account.objects.count())"


def open_the_account() -> None:
    """A second one in the same database would break the unique index on the merchant."""
    Account.objects.create(
        merchant_id=THE_MERCHANT,
        platform_name="shopify",
        platform_shop_id="1",
        shop_domain="shop.example",
        created_at=timezone.now(),
        updated_at=timezone.now(),
    )


@pytest.mark.django_db
@pytest.mark.parametrize("turn", [1, 2])
def test_what_a_test_writes_is_rolled_back(turn: int) -> None:
    open_the_account()

    assert Account.objects.count() == 1


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database_of_its_own(own_database: str, turn: int) -> None:
    open_the_account()

    assert Account.objects.count() == 1


def test_committed_rows_are_seen_by_another_process(
    own_database: str, run_process: RunProcess, embedded_broker_url: str
) -> None:
    open_the_account()

    environment = service_environment(database_url=own_database, broker_url=embedded_broker_url)
    other = run_process("manage.py", "shell", "-c", COUNT_ACCOUNTS, environment=environment)

    other.wait_for_log("accounts: 1")


def test_committed_rows_are_seen_by_another_thread(own_database: str) -> None:
    open_the_account()
    seen: list[int] = []

    def look() -> None:
        seen.append(Account.objects.count())
        connection.close()

    thread = Thread(target=look)
    thread.start()
    thread.join()

    assert seen == [1]


def test_a_database_is_gone_after_its_test(own_database: str, databases: Databases, worker_id: str) -> None:
    with databases.clone(name=f"{worker_id}_gone") as url, default_connection_to(url):
        open_the_account()

    # No such database; or no such table, in a file that SQLite makes anew.
    with default_connection_to(url), pytest.raises(OperationalError):
        Account.objects.count()


def test_a_database_goes_though_another_process_is_connected(
    own_database: str, databases: Databases, worker_id: str, run_process: RunProcess, embedded_broker_url: str
) -> None:
    hold = f"{COUNT_ACCOUNTS}; import time; time.sleep(60)"

    with databases.clone(name=f"{worker_id}_held") as url:
        environment = service_environment(database_url=url, broker_url=embedded_broker_url)
        run_process("manage.py", "shell", "-c", hold, environment=environment).wait_for_log("accounts: 0")

    with default_connection_to(url), pytest.raises(OperationalError):
        Account.objects.count()
