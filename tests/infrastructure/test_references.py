"""The benchmarks' references: they write the service's own tables, so they change when these do."""

import re
from contextlib import closing

import psycopg2
import pytest

from creditsvc.environment import BASE_DIR
from ledger.models import OutboxBatch
from tests.ledger.raw_sql import on_postgresql

SET_BASED = BASE_DIR / "bench" / "reference" / "set_based.sql"


@pytest.mark.servers
@on_postgresql
def test_what_pgbench_runs_against_row_5_fits_the_tables(own_database: str) -> None:
    script = re.sub(r"^\\set .*$", "", SET_BASED.read_text(), flags=re.MULTILINE).replace(":first", "0")

    with closing(psycopg2.connect(own_database)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(script)

    assert OutboxBatch.objects.get().published_at is not None
