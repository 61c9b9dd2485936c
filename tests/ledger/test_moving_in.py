"""`manage.py import_predecessor`: what becomes of accounts and rows that add up, and of those that do not."""

from datetime import UTC, timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ledger.journal import post
from ledger.models import Account, Lot, OutboxRow, Transaction
from ledger.outcomes import Status
from ledger.predecessor import move
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import consume_match, opened_account, purchase, requests, reverse, start_trial
from tests.ledger.predecessor import MIGRATION, OPENED_AT, OldMerchant, import_files, moved_in, written

pytestmark = pytest.mark.django_db


def of(merchant: OldMerchant) -> Account:
    return Account.objects.get(id=merchant.id)


def balances(merchant: OldMerchant) -> list[tuple[str, int, int]]:
    rows = Transaction.objects.filter(account_id=merchant.id).order_by("number")
    return [(row.kind, row.balance_before, row.balance_after) for row in rows]


def a_merchant() -> OldMerchant:
    """500 for a trial, 100 bought, 2 matches."""
    merchant = OldMerchant.opened()
    merchant.row("credit", 500, reference_type="trial", reference_id=f"TRIAL_GRANT_{merchant.merchant_id}")
    merchant.row("credit", 100, reference_type="purchase", reference_id=f"order-{uuid4()}", description="Purchased")
    for match in ("m-1", "m-2"):
        merchant.row("debit", 1, reference_id=f"{match}-{merchant.id}", metadata={"shopper_id": "s-1"})
    return merchant


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


@pytest.mark.parametrize(
    "reference",
    [("match", "m-1"), ("", ""), ("match", ""), ("retry", "x"), ("import", "x"), ("x" * 65, "x"), ("match", "x" * 256)],
)
def test_a_reference_that_can_not_be_kept_is_replaced_and_reported(tmp_path: Path, reference: tuple[str, str]) -> None:
    merchant = OldMerchant.opened()
    merchant.row("credit", 10, reference_type="match", reference_id="m-1")
    row = merchant.row("credit", 10, reference_type=reference[0], reference_id=reference[1])

    notes = moved_in(tmp_path, merchant)

    assert notes == [("reference_replaced", str(row["id"]))]
    stored = Transaction.objects.get(reference_type="import", reference_id=str(row["id"]))
    assert stored.terms["imported"]["reference"] == list(reference)


def test_a_reference_that_another_merchant_holds_here_is_replaced(tmp_path: Path) -> None:
    other = opened_account()
    post(requests(purchase(merchant_id=other.merchant_id, purchase_id="order-1")))
    merchant = OldMerchant.opened()
    row = merchant.row("credit", 10, reference_type="purchase", reference_id="order-1")

    assert moved_in(tmp_path, merchant) == [("reference_replaced", str(row["id"]))]


def test_what_moves_nothing_is_left_out_and_what_is_too_long_is_cut_and_both_are_reported(tmp_path: Path) -> None:
    merchant = OldMerchant.opened()
    nothing = merchant.row("credit", 0)
    long = merchant.row("credit", 5, description="x" * 1001)
    strange = merchant.row("credit", 5, merchant_id=uuid4())

    notes = moved_in(tmp_path, merchant)

    assert set(notes) >= {
        ("amount_of_0_left_out", str(nothing["id"])),
        ("description_cut", str(long["id"])),
        ("merchant_differs_from_the_accounts", str(strange["id"])),
    }
    assert of(merchant).balance == 10
    assert_books_are_right()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("amount", -5, "amount: must be 1 to"),
        ("amount", "many", "amount: invalid literal"),
        ("operation", "theft", "operation: 'theft' is neither credit nor debit"),
        ("created_at", "yesterday", "created_at: 'yesterday' is no time"),
        ("created_at", "9000-01-01 00:00:00+00", "created_at: '9000-01-01 00:00:00+00' lies in the future"),
        ("balance_before", "", "balance_before: invalid literal"),
        ("metadata", "{", "metadata: is no JSON"),
        ("id", "7", "id: '7' is no UUID"),
    ],
)
def test_an_account_with_a_row_that_can_not_be_read_is_refused_and_the_others_are_not(
    tmp_path: Path, column: str, value: Any, said: str
) -> None:
    merchant, other = a_merchant(), a_merchant()
    merchant.rows[2][column] = value

    code, report = import_files(*written(tmp_path, [merchant, other]))

    assert code == 1
    (note,) = report
    assert (note["reason"], note["account_id"]) == ("bad_field", str(merchant.id))
    assert note["detail"].startswith(said)
    assert note["row"] == str(merchant.rows[2]["id"])
    assert set(Account.objects.values_list("id", flat=True)) == {other.id}


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("balance", -1, "balance: must be 0"), ("platform_name", "ebay", "platform_name: 'ebay' is none of"),
     ("merchant_id", "x", "merchant_id: 'x' is no UUID"), ("shop_domain", "", "shop_domain: must have 1"),
     ("balance", 10**13, "balance: its rows come to more")],
)  # fmt: skip
def test_an_account_that_can_not_be_read_is_refused(tmp_path: Path, column: str, value: Any, said: str) -> None:
    merchant = a_merchant()
    merchant.account[column] = value

    code, report = import_files(*written(tmp_path, [merchant]))

    assert code == 1
    assert report[0]["detail"].startswith(said)
    assert not Account.objects.exists()


def test_a_row_without_account_is_refused(tmp_path: Path) -> None:
    merchant = a_merchant()
    merchant.rows[0]["account_id"] = uuid4()

    code, report = import_files(*written(tmp_path, [merchant]))

    assert code == 1
    assert ("no_account", str(merchant.rows[0]["id"])) in [(note["reason"], note["row"]) for note in report]


def test_a_merchant_who_has_an_account_is_not_given_another(tmp_path: Path) -> None:
    merchant, twin = a_merchant(), a_merchant()
    twin.account["merchant_id"] = merchant.merchant_id
    opened = a_merchant()
    opened_account(merchant_id=opened.merchant_id)

    code, report = import_files(*written(tmp_path, [merchant, twin, opened]))

    assert code == 1
    assert [(note["reason"], note["row"]) for note in report] == [
        ("merchant_has_another_account", str(twin.id)), ("merchant_has_another_account", str(opened.id)),
    ]  # fmt: skip


def test_started_again_it_changes_nothing(tmp_path: Path) -> None:
    files = written(tmp_path, [a_merchant(), a_merchant()])
    import_files(*files)
    before = list(Transaction.objects.order_by("id").values())

    assert import_files(*files) == (0, [])

    assert list(Transaction.objects.order_by("id").values()) == before


def test_how_many_rows_were_moved_in_never_changes(tmp_path: Path) -> None:
    merchant = a_merchant()
    moved_in(tmp_path, merchant)

    with pytest.raises(IntegrityError, match="never changes"):
        Account.objects.filter(id=merchant.id).update(imported_rows=0)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"accounts.csv": "id,merchant_id\n"}, "credit_accounts has no column platform_name"),
        ({"accounts.csv": ""}, "credit_accounts has no column id"),
        ({"transactions.csv": "id\n"}, "credit_transactions has no column account_id"),
        ({"accounts.csv": None}, "No such file"),
    ],
)
def test_a_file_that_can_not_be_read_is_said_by_name(tmp_path: Path, files: dict[str, str | None], said: str) -> None:
    written(tmp_path, [a_merchant()])
    for name, text in files.items():
        (tmp_path / name).unlink()
        if text is not None:
            (tmp_path / name).write_text(text)

    with pytest.raises(CommandError, match=said):
        import_files(tmp_path / "accounts.csv", tmp_path / "transactions.csv")


def test_a_line_that_was_cut_short_is_said_by_its_number(tmp_path: Path) -> None:
    accounts, transactions = written(tmp_path, [a_merchant()])
    transactions.write_text(transactions.read_text() + "half a line,")

    with pytest.raises(CommandError, match=r"transactions.csv, line 6: 2 cells where the header has 12"):
        import_files(accounts, transactions)

    assert not Account.objects.exists()


@pytest.mark.parametrize(
    "options", [[], ["--accounts", "a"], ["--accounts", "a", "--transactions", "t", "--database", "d"]]
)
def test_it_asks_for_one_source(options: list[str]) -> None:
    with pytest.raises(CommandError, match="either --accounts and --transactions, or --database"):
        call_command("import_predecessor", *options, stderr=StringIO())


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
