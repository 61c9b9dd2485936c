"""The past that a process remembers: bounded, and of the accounts that were asked for last."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ledger.queries.moments import Standing
from ledger.queries.past import Past

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


def test_an_account_that_is_asked_for_ever_other_days_begins_anew_and_pushes_out_no_other() -> None:
    past, restless, other = Past(most=100, most_of_one=50), uuid4(), uuid4()
    past.remember(other, days(0, 40))

    for first in range(0, 400, 20):
        past.remember(restless, days(first, first + 20))
        assert len(past.of(restless)) <= 50

    assert past.of(other) == days(0, 40)
    assert past.of(restless).items() >= days(380, 400).items()
