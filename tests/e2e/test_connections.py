"""Connections to the database: a worker keeps its own from task to task."""

import time
from contextlib import closing
from datetime import datetime

import psycopg2
import pytest

from tests.e2e.service import Service

pytestmark = pytest.mark.servers

SWEEPS_SECONDS = 4.0  # each second brings one
LOOK = (
    "SELECT max(backend_start), max(query_start) FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_sweeps_ask_again_and_again_over_one_connection(service: Service) -> None:
    time.sleep(SWEEPS_SECONDS)  # what an earlier test left to be done
    connected, asked = newest(service)

    time.sleep(SWEEPS_SECONDS)

    connected_later, asked_later = newest(service)
    assert asked_later > asked
    assert connected_later == connected


def newest(service: Service) -> tuple[datetime, datetime]:
    """When the youngest connection of the service was made, and when the youngest statement was sent."""
    with closing(psycopg2.connect(service.environment["DATABASE_URL"])) as connection, connection.cursor() as cursor:
        cursor.execute(LOOK)
        found: tuple[datetime, datetime] = cursor.fetchone()  # type: ignore[assignment]
    return found
