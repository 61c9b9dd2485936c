"""The past that a process remembers: bounded, and of the accounts that were asked for last."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ledger.queries.past import Past, Standing

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def days(first: int, last: int) -> dict[datetime, Standing]:
    return {BEGIN + timedelta(days=n): Standing(sequence=n) for n in range(first, last)}


def test_what_is_remembered_of_an_account_adds_up() -> None:
    past, account = Past(), uuid4()

    past.remember(account, days(0, 10))
    past.remember(account, days(5, 20))

    assert past.of(account) == days(0, 20)
    assert past.of(uuid4()) == {}


def test_past_its_bound_the_accounts_that_nobody_asked_for_are_forgotten() -> None:
    past = Past(most=100)
    asked_for, not_asked_for, newest = uuid4(), uuid4(), uuid4()
    past.remember(asked_for, days(0, 40))
    past.remember(not_asked_for, days(0, 40))
    past.remember(asked_for, days(0, 40))  # takes no more room than before

    assert past.of(not_asked_for) == past.of(asked_for) == days(0, 40)
    past.remember(newest, days(0, 40))

    assert [len(past.of(account)) for account in (not_asked_for, asked_for, newest)] == [0, 40, 40]


def test_no_account_takes_more_than_the_bound() -> None:
    past, account = Past(most=100), uuid4()

    past.remember(account, days(0, 150))

    assert past.of(account) == {}
