"""A host that is gone without a word: neither waits for the other for ever, and no locks outlive their holder long."""

import pytest
from django.db import connection

from creditsvc.settings import database
from tests.ledger.raw_sql import on_postgresql

pytestmark = pytest.mark.django_db

KEEPALIVES = {"keepalives_idle": "10", "keepalives_interval": "3", "keepalives_count": "3"}


@on_postgresql
def test_a_worker_asks_whether_its_database_is_still_there():
    with connection.cursor():
        asked = connection.connection.get_dsn_parameters()

    assert {name: asked[name] for name in KEEPALIVES} == KEEPALIVES
    assert asked["tcp_user_timeout"] == "10000"


@on_postgresql
def test_the_database_asks_whether_a_worker_is_still_there_and_ends_its_transaction_where_it_stands_still():
    wanted = {f"tcp_{name}": value for name, value in KEEPALIVES.items()}
    wanted |= {"tcp_user_timeout": "10000", "idle_in_transaction_session_timeout": "5min", "lock_timeout": "4s"}

    with connection.cursor() as cursor:
        cursor.execute("SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
        held = dict(cursor.fetchall())

    assert held == wanted


def test_what_an_operator_sets_in_the_url_stands():
    options = database("postgresql://u:p@h/b?keepalives_idle=60&options=-c%20lock_timeout%3D9s")["OPTIONS"]

    assert options["keepalives_idle"] in (60, "60")
    assert options["options"] == "-c lock_timeout=9s"
