"""/health and /ready, with a database, broker and outbox that are there, away, or behind; and reads meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from api import health
from ledger.models import OutboxBatch, OutboxRow
from tests.api.shops import CREDITS, TRANSACTIONS, ask, ask_for, refusal, token
from tests.ledger.builders import opened_account


def age_outbox(*, seconds: int) -> None:
    """Make what the outbox holds so much older."""
    OutboxRow.objects.update(created_at=datetime.now(UTC) - timedelta(seconds=seconds))


@pytest.mark.django_db
def test_health_touches_nothing_else(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        response = ask("/health")

    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@pytest.mark.usefixtures("database_away")
def test_health_is_well_while_the_database_is_away() -> None:
    response = ask("/health")

    assert response.status_code == 200


@pytest.mark.django_db
def test_ready_says_what_it_looked_at() -> None:
    response = ask("/ready")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "outbox": "ok", "broker": "ok"},
    }


@pytest.mark.usefixtures("database_away")
def test_not_ready_while_the_database_is_away() -> None:
    response = ask("/ready")

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": {"database": "away"}}


@pytest.mark.usefixtures("database_without_migrations")
def test_not_ready_before_the_first_migration() -> None:
    response = ask("/ready")

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": {"database": "ok", "migrations": "missing"}}


@pytest.mark.django_db
def test_not_ready_until_the_newest_migration_is_applied() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'ledger' AND name NOT LIKE '0001%'")

    response = ask("/ready")

    assert response.status_code == 503
    assert response.json()["checks"]["migrations"] == "missing"


@pytest.mark.django_db
def test_a_broker_that_is_away_only_degrades(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "broker_is_there", lambda: False)

    response = ask("/ready")

    assert response.status_code == 200
    assert (response.json()["status"], response.json()["checks"]["broker"]) == ("degraded", "away")


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "said"), [(0, "ready"), (30, "ready"), (90, "degraded")])
def test_an_outbox_that_is_not_emptied_degrades(seconds: int, said: str) -> None:
    opened_account(credits_bought=5)
    age_outbox(seconds=seconds)

    response = ask("/ready")

    assert (response.status_code, response.json()["status"]) == (200, said)


@pytest.mark.django_db
def test_what_was_published_is_late_no_more() -> None:
    opened_account(credits_bought=5)
    age_outbox(seconds=90)
    OutboxBatch.objects.update(published_at=datetime.now(UTC))

    response = ask("/ready")

    assert response.json()["status"] == "ready"


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
@pytest.mark.django_db
def test_only_reads_are_allowed(path: str) -> None:
    response = Client().post(path)

    assert response.status_code == 405


@pytest.mark.usefixtures("database_away")
@pytest.mark.parametrize("path", [CREDITS, TRANSACTIONS])
def test_a_read_says_so_while_the_database_is_away(path: str) -> None:
    response = ask(path, bearer=token("shop.example.com"), platform="shopify", domain="shop.example.com")

    assert refusal(response) == (503, "SERVICE_UNAVAILABLE")
    assert b"nonexistent" not in response.content


@pytest.mark.usefixtures("database_away")
def test_a_bad_token_is_refused_even_while_the_database_is_away() -> None:
    response = ask(bearer="bad", platform="shopify", domain="shop.example.com")

    assert refusal(response) == (401, "UNAUTHORIZED")


@pytest.mark.servers
@pytest.mark.usefixtures("own_database")
def test_a_read_on_a_connection_that_the_database_has_ended_is_asked_again() -> None:
    account = opened_account(credits_bought=5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (ours,) = cursor.fetchone()
    end_connection(ours)

    response = ask_for(account)

    assert response.json()["data"]["balance"] == 5


def end_connection(pid: int) -> None:
    """End a connection from a connection of its own, as a restart of the database would."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()
