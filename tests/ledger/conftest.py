"""Fixtures of the ledger's tests."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from tests.ledger.racing import Racers
from tests.ledger.raw_sql import execute

Refuse = Callable[..., None]


@pytest.fixture
def database_refuses() -> Refuse:
    """database_refuses(table, "a condition on NEW"): from then on the database refuses to insert such rows."""

    def refuse(table: str, condition: str) -> None:
        if connection.vendor == "postgresql":
            each_row = f"BEFORE INSERT ON {table} FOR EACH ROW WHEN ({condition})"
            execute(f"CREATE TRIGGER refused_by_a_test {each_row} EXECUTE FUNCTION credit_refuse('refused by a test')")
        else:
            each_row = f"BEFORE INSERT ON {table} FOR EACH ROW WHEN {condition}"
            execute(f"CREATE TRIGGER refused_by_a_test {each_row} BEGIN SELECT RAISE(ABORT, 'refused by a test'); END")

    return refuse


@pytest.fixture(scope="session")
def racers() -> Iterator[Racers]:
    """Four processes that do things at the same moment, each over a database connection of its own."""
    with Racers(size=4) as running:
        yield running
