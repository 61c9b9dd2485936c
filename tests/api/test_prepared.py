"""Reads that PostgreSQL plans once a connection: prepared once, and answered where a pooler forgets them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.models import Account
from tests.api.shops import ask_for
from tests.ledger.builders import opened_account

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("own_database")]


@pytest.fixture
def account() -> Account:
    """An account with 5 credits, whose look-up this connection has prepared."""
    opened = opened_account(credits_bought=5)
    ask_for(opened)
    return opened


def said_to_the_database(account: Account) -> list[str]:
    """The first words of the statements of one read, which must be right."""
    with CaptureQueriesContext(connection) as captured:
        response = ask_for(account)
    assert response.json()["data"]["balance"] == 5
    return [query["sql"].split()[0] for query in captured]


def test_a_look_up_is_prepared_once_a_connection(account: Account) -> None:
    again = said_to_the_database(account)
    connection.close()
    on_a_new_connection = [said_to_the_database(account), said_to_the_database(account)]

    assert again == ["EXECUTE"]
    assert on_a_new_connection == [["PREPARE", "EXECUTE"], ["EXECUTE"]]


def test_what_a_pooler_has_forgotten_is_read_unprepared(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")

    said = [said_to_the_database(account), said_to_the_database(account)]

    assert said == [["EXECUTE", "SELECT"], ["SELECT"]]


def test_what_a_pooler_holds_from_somebody_else_is_read_all_the_same(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        ((name,),) = cursor.fetchall()
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(f"PREPARE {name} AS SELECT 1")

    assert said_to_the_database(account) == ["PREPARE", "SELECT"]
