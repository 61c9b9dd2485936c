"""What the database itself refuses: statements that go round the Python code, on PostgreSQL and on SQLite."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models

from ledger.journal import post
from ledger.models import Account, Transaction
from tests.ledger.builders import account_row, consume, opened_account, request, requests, transaction_row
from tests.ledger.raw_sql import contents, execute, insert, on_postgresql, on_sqlite

WITH_ROWS_ON_TRANSACTIONS = "credit_transactions, credit_parked, credit_parked_acts, credit_replay_outcomes"
ALL_OF_THE_BOOKS = ", ".join(
    (
        *(f"credit_{table}" for table in ("accounts", "account_changes", "adjustments", "shop_differences")),
        *("credit_lots", "credit_holds", WITH_ROWS_ON_TRANSACTIONS),
    )
)
CHANGES = {
    "amount": "amount = amount + 1",
    "balance_after": "balance_after = 0",
    "description": "description = 'something else'",
    "metadata": "metadata = '{}'",
    "salt": "salt = ''",
    "digest": "digest = ''",
}
OTHER_VALUES = {
    models.UUIDField: "'00000000000040008000000000000001'",
    models.BigIntegerField: "77",
    models.CharField: "'x'",
    models.TextField: "'x'",
    models.JSONField: """'["x"]'""",
    models.DateTimeField: "'2001-01-01 00:00:00+00:00'",
}
# By column, another value than any has; but for those that redaction empties.
KEPT = {
    field.column: next(
        value for kind, value in OTHER_VALUES.items() if isinstance(getattr(field, "target_field", field), kind)
    )
    for field in Transaction._meta.concrete_fields
    if field.column not in {"description", "metadata", "salt"}
}


# Nothing of a transaction changes, and none leaves


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("where", ["", "WHERE sequence = 1"], ids=["every row", "one row"])
def test_a_transaction_cannot_be_updated(change, where):
    opened_account(credits_bought=100)
    before = contents()

    with pytest.raises(IntegrityError, match="never changes, but by redaction: a correction is a new transaction"):
        execute(f"UPDATE credit_transactions SET {change} {where}")

    assert contents() == before


@pytest.mark.django_db
@pytest.mark.parametrize("column", KEPT)
def test_no_column_of_a_transaction_that_holds_nothing_to_erase_can_be_updated(column):
    account = opened_account(credits_bought=100)
    post([request(consume(merchant_id=account.merchant_id))])
    before = contents()

    with pytest.raises(IntegrityError, match="a transaction never changes"):
        execute(f"UPDATE credit_transactions SET {column} = {KEPT[column]} WHERE kind = 'consume'")

    assert contents() == before


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["", "WHERE sequence = 1"], ids=["every row", "one row"])
def test_a_transaction_cannot_be_deleted(where):
    opened_account(credits_bought=100)
    before = contents()

    with pytest.raises(IntegrityError, match="a transaction is never deleted"):
        execute(f"DELETE FROM credit_transactions {where}")

    assert contents() == before


@pytest.mark.django_db
def test_a_declined_transaction_is_as_unchangeable_as_a_posted_one():
    account = opened_account()
    post([request(consume(merchant_id=account.merchant_id))])
    before = contents()

    with pytest.raises(IntegrityError, match="a transaction never changes"):
        execute("UPDATE credit_transactions SET reason = 'balance_limit' WHERE status = 'declined'")
    with pytest.raises(IntegrityError, match="a transaction is never deleted"):
        execute("DELETE FROM credit_transactions WHERE status = 'declined'")

    assert contents() == before


@on_postgresql
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (f"TRUNCATE {WITH_ROWS_ON_TRANSACTIONS}", "transactions are never deleted"),
        ("TRUNCATE credit_transactions CASCADE", "transactions are never deleted"),
        ("TRUNCATE credit_accounts CASCADE", "accounts are never deleted"),
        (f"TRUNCATE {ALL_OF_THE_BOOKS}", "never deleted"),
    ],
)
@pytest.mark.usefixtures("own_database")
def test_the_books_cannot_be_truncated(statement, message):
    opened_account(credits_bought=100)
    before = contents()

    with pytest.raises(IntegrityError, match=message):
        execute(statement)

    assert contents() == before


@on_postgresql
@pytest.mark.usefixtures("own_database")
def test_transactions_cannot_be_truncated_by_way_of_their_accounts():
    opened_account(credits_bought=100)
    execute("ALTER TABLE credit_accounts DISABLE TRIGGER accounts_never_leave")
    before = contents()

    with pytest.raises(IntegrityError, match="transactions are never deleted"):
        execute("TRUNCATE credit_accounts CASCADE")

    assert contents() == before


@on_sqlite
@pytest.mark.django_db
def test_a_transaction_cannot_be_replaced():
    account = opened_account(credits_bought=100)
    (row,) = execute("SELECT reference_type, reference_id FROM credit_transactions")
    usurper = transaction_row(account, reference_type=row[0], reference_id=row[1])
    before = contents()

    with pytest.raises(IntegrityError, match="a transaction is never deleted"):
        insert(usurper, verb="REPLACE")

    assert contents() == before


@on_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    ["UPDATE credit_transactions SET amount = 1", "DELETE FROM credit_transactions"],
    ids=["update", "delete"],
)
def test_a_refusal_is_no_trouble_that_is_worth_another_try(statement):
    opened_account(credits_bought=100)

    with pytest.raises(IntegrityError) as refusal:
        execute(statement)

    assert refusal.value.__cause__.pgcode == "23001"


# An account stays, stays its own, and never goes back


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["", "WHERE sequence = 0"], ids=["every row", "one row"])
def test_an_account_cannot_be_deleted_even_where_nothing_was_ever_posted(where):
    opened_account()
    before = contents()

    with pytest.raises(IntegrityError, match="an account is never deleted"):
        execute(f"DELETE FROM credit_accounts {where}")

    assert contents() == before


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["id", "merchant_id", "created_at"])
def test_an_account_keeps_its_id_its_merchant_and_its_opening(column):
    account, other = opened_account(), account_row()
    field = Account._meta.get_field(column)
    before = contents()

    with pytest.raises(IntegrityError, match="an account keeps its id, its merchant and the time of its opening"):
        execute(
            f"UPDATE credit_accounts SET {column} = %s WHERE id = %s",
            [
                field.get_db_prep_save(getattr(other, column), connection),
                Account._meta.pk.get_db_prep_save(account.id, connection),
            ],
        )

    assert contents() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        "total_expired = total_expired - 1, total_granted = total_granted - 1",
        "rows = rows - 1",
        "sequence = sequence - 1",
        "event_sequence = event_sequence - 1",
    ],
)
def test_sequences_of_an_account_and_what_expired_of_it_never_go_back(change):
    account = opened_account(credits_bought=100)
    post([request(consume(merchant_id=account.merchant_id))])
    before = contents()

    with pytest.raises(IntegrityError, match="the sequences of an account, and what expired of it, never go back"):
        execute(f"UPDATE credit_accounts SET {change}")

    assert contents() == before


# How it is kept


@on_postgresql
@pytest.mark.usefixtures("own_database")
def test_moving_credits_leaves_every_index_of_the_accounts_alone():
    accounts = [opened_account(credits_bought=100) for _ in range(20)]
    updates_before, _ = updates_of_accounts()

    for _ in range(5):
        post(requests(*(consume(merchant_id=account.merchant_id) for account in accounts)))

    updates, in_place = updates_of_accounts()
    assert updates - updates_before == 100
    # An index on anything that moves would leave none; a page may be full for a moment while others look on.
    assert in_place > updates / 2


def updates_of_accounts() -> tuple[int, int]:
    """How many rows of credit_accounts were ever updated, and how many of them without touching an index."""
    execute("SELECT pg_stat_force_next_flush()")
    (counts,) = execute("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'credit_accounts'")
    return counts


@pytest.mark.slow
@pytest.mark.usefixtures("own_database")
def test_the_guards_can_be_taken_away_and_put_back():
    opened_account(credits_bought=100)

    call_command("migrate", "ledger", "0001", verbosity=0)
    execute("UPDATE credit_transactions SET description = 'unguarded'")
    call_command("migrate", "ledger", verbosity=0)

    with pytest.raises(IntegrityError, match="a transaction never changes"):
        execute("UPDATE credit_transactions SET description = 'guarded'")
