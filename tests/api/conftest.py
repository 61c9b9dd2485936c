"""Databases that are not as they should be."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections


@pytest.fixture
def database_away(own_database: str) -> Iterator[None]:
    """Django's connection leads to a database that is not there."""
    yield from _leading_to("/nonexistent/database")


@pytest.fixture
def database_without_migrations(own_database: str, tmp_path: Path) -> Iterator[None]:
    """Django's connection leads to a database that holds none of our tables."""
    yield from _leading_to("postgres" if connection.vendor == "postgresql" else str(tmp_path / "empty.sqlite3"))


def _leading_to(name: str) -> Iterator[None]:
    settings = connections.settings["default"]
    right = settings["NAME"]
    connection.close()
    settings["NAME"] = name
    yield
    connection.close()
    settings["NAME"] = right
