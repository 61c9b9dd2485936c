"""`manage.py import_predecessor`: what becomes of accounts and rows that add up, and of those that do not quite."""

from datetime import UTC, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ledger.journal import post
from ledger.models import Lot, OutboxRow, Transaction
from ledger.outcomes import Status
from ledger.predecessor import move
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import consume_match, purchase, requests, reverse, start_trial
from tests.ledger.predecessor import (
    MIGRATION,
    OPENED_AT,
    OldMerchant,
    a_merchant,
    balances,
    import_files,
    moved_in,
    of,
    written,
)

pytestmark = pytest.mark.django_db


def test_rows_that_follow_one_from_another_are_loaded_as_they_are(tmp_path: Path) -> None:
    merchant = a_merchant()

    assert moved_in(tmp_path, merchant) == []

    account = of(merchant)
    assert (account.balance, account.total_granted, account.total_consumed) == (598, 600, 2)
    assert (account.created_at, account.shop_domain) == (OPENED_AT, merchant.account["shop_domain"])
    rows = list(account.transactions.order_by("sequence"))
    for row, old in zip(rows, merchant.rows, strict=True):
        same = ("amount", "operation", "balance_before", "balance_after", "reference_type", "reference_id",
                "description", "metadata", "created_at")  # fmt: skip
        assert {name: getattr(row, name) for name in same} == {name: old[name] for name in same}
        assert row.terms["imported"]["id"] == str(old["id"])
    assert [row.kind for row in rows] == ["trial", "purchase", "consume", "consume"]
    assert_books_are_right()


def test_both_spellings_of_the_columns_are_read(tmp_path: Path) -> None:
    merchant = a_merchant()

    code, report = import_files(*written(tmp_path, [merchant], spelling=MIGRATION))

    assert (code, report) == (0, [])
    assert of(merchant).platform_shop_id == merchant.account["platform_shop_id"]


def test_credits_open_lots_and_debits_burn_them_in_order(tmp_path: Path) -> None:
    merchant = a_merchant()

    moved_in(tmp_path, merchant)

    lots = Lot.objects.filter(account_id=merchant.id)
    assert sorted((lot.category, lot.amount, lot.remaining) for lot in lots) == [
        ("paid", 100, 100), ("promotional", 500, 498),
    ]  # fmt: skip


def test_a_debit_that_was_clamped_is_covered_by_an_opening_row(tmp_path: Path) -> None:
    merchant = OldMerchant.opened()
    merchant.row("credit", 10)
    clamped = merchant.row("debit", 15)

    notes = moved_in(tmp_path, merchant)

    opening = f"{merchant.id}:opening"
    assert balances(merchant) == [("import", 0, 5), ("grant", 5, 15), ("consume", 15, 0)]
    assert [reason for reason, _ in notes] == ["opening", "balance_recomputed", "balance_recomputed"]
    assert notes[0][1] == opening
    row = Transaction.objects.get(reference_id=clamped["reference_id"])
    assert (row.terms["imported"]["balance_before"], row.terms["imported"]["balance_after"]) == (10, 0)
    assert Transaction.objects.get(reference_type="import", reference_id=opening).created_at == OPENED_AT
    assert_books_are_right()


def test_an_update_that_was_lost_is_settled_by_a_closing_row(tmp_path: Path) -> None:
    merchant = OldMerchant.opened()
    merchant.row("credit", 10)
    merchant.row("credit", 20, seen=0)

    notes = moved_in(tmp_path, merchant)

    assert balances(merchant) == [("grant", 0, 10), ("grant", 10, 30), ("import", 30, 20)]
    assert [reason for reason, _ in notes] == ["balance_recomputed", "closing"]
    assert of(merchant).balance == 20
    assert_books_are_right()


def test_a_history_that_begins_in_the_middle_keeps_its_balances(tmp_path: Path) -> None:
    merchant = OldMerchant.opened(balance=70)
    merchant.row("debit", 30)
    merchant.row("credit", 5)

    notes = moved_in(tmp_path, merchant)

    assert balances(merchant) == [("import", 0, 70), ("consume", 70, 40), ("grant", 40, 45)]
    assert [reason for reason, _ in notes] == ["opening"]


def test_a_balance_without_rows_is_a_closing_row(tmp_path: Path) -> None:
    merchant = OldMerchant.opened(balance=70)

    assert moved_in(tmp_path, merchant) == [("closing", f"{merchant.id}:closing")]

    assert balances(merchant) == [("import", 0, 70)]
    assert_books_are_right()


def test_rows_of_one_moment_are_put_in_the_order_in_which_they_follow(tmp_path: Path) -> None:
    merchant = OldMerchant.opened()
    for amount in (1, 2, 3, 4):
        merchant.row("credit", amount, created_at=OPENED_AT)
    merchant.rows.reverse()

    assert moved_in(tmp_path, merchant) == []

    assert [after for _, _, after in balances(merchant)] == [1, 3, 6, 10]


def test_a_message_delivered_again_after_the_move_is_a_replay(tmp_path: Path) -> None:
    merchant = a_merchant()
    moved_in(tmp_path, merchant)
    ours = {"merchant_id": merchant.merchant_id}

    outcomes = post(requests(
        start_trial(**ours),
        purchase(**ours, credits=100, purchase_id=merchant.rows[1]["reference_id"]),
        consume_match(**ours, match_id=merchant.rows[2]["reference_id"]),
    ))  # fmt: skip

    assert [(outcome.status, outcome.replayed) for outcome in outcomes] == [(Status.POSTED, True)] * 3
    assert of(merchant).balance == 598


def test_what_follows_goes_on_from_there(tmp_path: Path) -> None:
    merchant = a_merchant()
    moved_in(tmp_path, merchant)
    bought = ("purchase", merchant.rows[1]["reference_id"])

    outcomes = post(requests(reverse(bought, merchant_id=merchant.merchant_id)))

    assert [outcome.status for outcome in outcomes] == [Status.POSTED]
    assert of(merchant).balance == 498
    assert_books_are_right()


def test_rows_of_ours_are_not_reversible(tmp_path: Path) -> None:
    merchant = OldMerchant.opened(balance=70)
    moved_in(tmp_path, merchant)

    (outcome,) = post(
        requests(reverse(("import", f"{merchant.id}:closing"), merchant_id=merchant.merchant_id, amount=1))
    )

    assert (outcome.status, outcome.reason) == (Status.DECLINED, "not_reversible")


@pytest.mark.parametrize(("balance", "armed"), [(99, False), (100, True)])
def test_an_account_is_armed_if_its_balance_is_at_the_threshold_and_nothing_is_told(
    tmp_path: Path, balance: int, armed: bool
) -> None:
    merchant = OldMerchant.opened()
    merchant.row("credit", balance)

    moved_in(tmp_path, merchant)

    assert of(merchant).armed is armed
    assert not OutboxRow.objects.exists()
    assert_books_are_right()


def test_an_account_that_is_young_owes_no_events_either(tmp_path: Path) -> None:
    merchant = OldMerchant.opened()
    merchant.row("credit", 50)
    a_minute_ago = timezone.now().astimezone(UTC) - timedelta(minutes=1)
    merchant.account |= {"created_at": a_minute_ago, "updated_at": a_minute_ago}
    merchant.rows[0]["created_at"] = a_minute_ago

    moved_in(tmp_path, merchant)
    post(requests(purchase(merchant_id=merchant.merchant_id, credits=100)))

    assert_books_are_right()
    assert list(OutboxRow.objects.order_by("account_sequence").values_list("event_type", flat=True)) == [
        "evt.credits.granted.v1", "evt.credits.recovered.v1",
    ]  # fmt: skip


old_rows = st.lists(
    st.tuples(
        st.sampled_from(["credit", "credit", "debit"]),
        st.integers(0, 30),
        st.none() | st.integers(0, 40),  # the balance that it saw, where it was not the newest
        st.integers(0, 3),  # minutes after the beginning
    ),
    max_size=12,
)


class TestAnything(TestCase):
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(histories=st.lists(old_rows, min_size=1, max_size=3), at_once=st.integers(1, 10))
    def test_the_books_are_right_and_the_balance_is_its_own(self, histories: Any, at_once: int) -> None:
        merchants = [OldMerchant.with_rows(history) for history in histories]

        with TemporaryDirectory() as folder, patch.object(move, "ROWS_AT_ONCE", at_once):
            notes = moved_in(Path(folder), *merchants)

        reported = {row for _, row in notes}
        for merchant in merchants:
            assert of(merchant).balance == merchant.account["balance"]
            stored = {row.terms["imported"]["id"]: row for row in of(merchant).transactions.exclude(kind="import")}
            assert len(stored) == sum(old["amount"] > 0 for old in merchant.rows)
            for id_, row in stored.items():
                (old,) = (old for old in merchant.rows if str(old["id"]) == id_)
                same = (row.balance_before, row.balance_after) == (old["balance_before"], old["balance_after"])
                assert same or id_ in reported
                for name in ("amount", "operation", "created_at"):
                    assert getattr(row, name) == old[name]
        assert_books_are_right()
