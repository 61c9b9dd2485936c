"""However many lots an account has, a batch that burns them reads those that burn first; any other reads them all."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.db.transaction import atomic
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger.commands import Command
from ledger.journal import post
from ledger.journal.load import load
from ledger.models import Account, Transaction
from ledger.policy import current_policy
from ledger.rules.lots import Lots
from ledger.states import FIRST_LOTS
from tests.ledger.audited import audit
from tests.ledger.builders import consume, fresh, grant, hold, opened_account, purchase, requests, reverse
from tests.ledger.raw_sql import execute, on_postgresql

MANY = 12


def account_with_lots(count: int = MANY, *, amount: int = 5) -> Account:
    """An account for which credits were bought so many times."""
    merchant = opened_account().merchant_id
    post(requests(*(purchase(merchant_id=merchant, credits=amount) for _ in range(count))))
    return Account.objects.get(merchant_id=merchant)


def lots_loaded(account: Account, *commands: Command) -> Lots:
    """The account's lots as the journal loads them for a batch."""
    with atomic():
        return load(requests(*commands), current_policy()).accounts[account.merchant_id].lots


def left(account: Account) -> list[int]:
    return list(account.lots.order_by("sequence").values_list("remaining", flat=True))


@pytest.mark.django_db
def test_a_consumption_reads_no_more_lots_than_the_first():
    account = account_with_lots(amount=5)

    lots = lots_loaded(account, consume(merchant_id=account.merchant_id, amount=3))

    assert sum(part for _, part in lots.choose(5 * FIRST_LOTS)) == 5 * FIRST_LOTS
    with pytest.raises(ArithmeticError, match="less than the account"):
        lots.choose(5 * FIRST_LOTS + 1)
    with pytest.raises(LookupError, match="only the lots that burn first"):
        list(lots)


@pytest.mark.django_db
def test_a_purchase_reads_no_lot():
    account = account_with_lots()

    with pytest.raises(ArithmeticError):
        lots_loaded(account, purchase(merchant_id=account.merchant_id)).choose(1)


@pytest.mark.django_db
def test_a_batch_that_needs_more_than_the_first_lots_burns_on_in_their_order():
    account = account_with_lots(5, amount=5)

    outcomes = post(requests(*(consume(merchant_id=account.merchant_id, amount=6) for _ in range(3))))

    assert [outcome.status for outcome in outcomes] == ["posted"] * 3
    assert left(account) == [0, 0, 0, 2, 5]
    assert audit()[0] == 0


@pytest.mark.django_db
def test_a_lot_that_comes_in_with_the_batch_burns_in_its_turn_among_those_that_were_not_read():
    account = account_with_lots(5, amount=5)
    ours: dict[str, Any] = {"merchant_id": account.merchant_id}
    urgent = grant(**ours, amount=4, priority=0)
    late = grant(**ours, amount=4, priority=99)

    post(requests(consume(**ours, amount=2), urgent, late, consume(**ours, amount=6)))

    assert left(account) == [1, 5, 5, 5, 5, 0, 4]
    assert audit()[0] == 0


def in_days(days: float) -> str:
    return (timezone.now() + timedelta(days=days)).isoformat()


def expiring(account: Account) -> list[Command]:
    """Announced at once, as it expires within the week: the account is looked over in the midst of the batch."""
    return [grant(merchant_id=account.merchant_id, expires_at=in_days(3))]


def set_aside(account: Account) -> list[Command]:
    return [hold(merchant_id=account.merchant_id)]


def reversed_purchase(account: Account) -> list[Command]:
    newest = Transaction.objects.filter(account=account).latest("sequence")
    return [reverse((newest.reference_type, newest.reference_id), merchant_id=account.merchant_id)]


def later(account: Account) -> list[Command]:
    return [grant(merchant_id=account.merchant_id, effective_at=in_days(1))]


@pytest.mark.django_db
@pytest.mark.parametrize("asked", [expiring, set_aside, reversed_purchase, later])
def test_where_any_lot_may_matter_all_are_read(asked: Callable[[Account], Sequence[Command]]):
    account = account_with_lots()
    commands = [consume(merchant_id=account.merchant_id, amount=1), *asked(account)]

    assert len(list(lots_loaded(account, *commands))) == MANY

    post(requests(*commands))
    assert audit()[0] == 0


@pytest.mark.django_db
def test_what_a_hold_has_set_aside_of_the_first_lots_is_not_burnt():
    account = account_with_lots(5, amount=5)
    post(requests(hold(merchant_id=account.merchant_id, amount=5 * FIRST_LOTS)))

    (outcome,) = post(requests(consume(merchant_id=account.merchant_id, amount=4)))

    assert outcome.status == "posted"
    assert left(account) == [5, 5, 1, 5, 5]
    assert audit()[0] == 0


@pytest.mark.django_db
def test_what_is_due_on_an_account_has_all_its_lots_read():
    account = account_with_lots()
    post(requests(grant(merchant_id=account.merchant_id, amount=7, priority=99, expires_at=in_days(30))))
    Account.objects.filter(id=account.id).update(next_due_at=timezone.now() - timedelta(hours=1))

    assert len(list(lots_loaded(account, consume(merchant_id=account.merchant_id, amount=1)))) == MANY + 1


@pytest.mark.django_db
def test_what_falls_due_next_is_not_forgotten_for_a_batch_that_has_not_read_it():
    account = account_with_lots()
    post(requests(grant(merchant_id=account.merchant_id, amount=7, priority=99, expires_at=in_days(30))))
    due = Account.objects.get(id=account.id).next_due_at
    assert due is not None

    post(requests(consume(merchant_id=account.merchant_id, amount=1), purchase(merchant_id=account.merchant_id)))

    assert Account.objects.get(id=account.id).next_due_at == due


TERMS: dict[str, Any] = {
    "plain": {},
    "urgent": {"priority": 10},
    "expiring": {"expires_at": in_days(60)},
    "expiring sooner": {"expires_at": in_days(50)},
    "expiring last of all": {"expires_at": "9999-12-31T23:59:59.999999Z", "category": "paid"},
    "paid": {"category": "paid"},
    "backdated": {"effective_at": in_days(-1)},
}


@pytest.mark.django_db
@pytest.mark.parametrize("order", list(permutations(TERMS))[::97], ids="-".join)
def test_the_database_has_lots_burn_in_the_rules_own_order(monkeypatch: pytest.MonkeyPatch, order: Sequence[str]):
    merchant = opened_account().merchant_id
    post(requests(*(grant(merchant_id=merchant, **TERMS[name], reference_id=fresh(name)) for name in order)))
    account = Account.objects.get(merchant_id=merchant)
    everything = lots_loaded(account, hold(merchant_id=merchant)).choose(10 * len(order))

    for count in range(1, len(order)):
        monkeypatch.setattr("ledger.states.FIRST_LOTS", count)
        first = lots_loaded(account, consume(merchant_id=merchant, amount=10 * count))
        assert first.choose(10 * count) == everything[:count]
        with pytest.raises(ArithmeticError):
            first.choose(10 * count + 1)


@on_postgresql
@pytest.mark.django_db
def test_the_first_lots_are_found_by_the_index_of_their_order():
    account, *_ = [account_with_lots(300) for _ in range(5)]
    execute("ANALYZE credit_lots")
    with CaptureQueriesContext(connection) as captured:
        lots_loaded(account, consume(merchant_id=account.merchant_id, amount=1))
    (sql,) = [query["sql"] for query in captured if "FROM credit_lots" in query["sql"]]

    plan = "\n".join(line for (line,) in execute(f"EXPLAIN (ANALYZE, COSTS OFF) {sql}"))

    assert "using credit_lots_burning" in plan
    assert "Sort" not in plan
    assert "Rows Removed" not in plan
