"""PostgreSQL finds what a batch names by indexes: a single request reads none of its tables whole."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.commands import Command
from ledger.journal import post
from ledger.journal.load import _look_up
from tests.ledger.builders import consume, fresh, open_account, purchase, requests
from tests.ledger.raw_sql import execute, on_postgresql

pytestmark = [on_postgresql, pytest.mark.django_db]

ACCOUNTS, TRANSACTIONS = 200, 2_000
WHOLE = "Seq Scan on credit_"


@pytest.fixture
def merchant_of_many():
    """One of the merchants of a ledger in which more is than anybody would read for one request."""
    opened = [open_account() for _ in range(ACCOUNTS)]
    merchants = [opening.merchant_id for opening in opened]
    bought: list[Command] = [purchase(merchant_id=merchant, credits=50) for merchant in merchants]
    spent = [consume(merchant_id=merchants[n % ACCOUNTS], amount=1) for n in range(TRANSACTIONS - ACCOUNTS)]
    post(requests(*opened, *bought, *spent))
    for table in ("credit_accounts", "credit_lots", "credit_transactions", "credit_outbox"):
        execute(f"ANALYZE {table}")
    return merchants[0]


def plans(captured: CaptureQueriesContext) -> dict[str, str]:
    """How PostgreSQL goes about each of the statements that were sent, by the statement."""
    sent = [query["sql"] for query in captured if query["sql"].startswith(("SELECT ", "UPDATE "))]
    return {sql: "\n".join(line for (line,) in execute(f"EXPLAIN (COSTS OFF) {sql}")) for sql in sent}


def test_a_single_request_reads_no_table_whole(merchant_of_many):
    with CaptureQueriesContext(connection) as captured:
        post(requests(consume(merchant_id=merchant_of_many, amount=1)))

    found = plans(captured)
    assert sum("credit_" in sql for sql in found) >= 5  # account, reference, lots; and what is updated
    assert not [sql for sql, plan in found.items() if WHOLE in plan]


def test_a_large_batch_looks_its_references_up_one_by_one(merchant_of_many):
    references = {("job", fresh("job")) for _ in range(TRANSACTIONS)}
    with CaptureQueriesContext(connection) as captured:
        assert _look_up(references) == {}

    (plan,) = plans(captured).values()
    assert "using transaction_reference_once" in plan
    assert WHOLE not in plan
