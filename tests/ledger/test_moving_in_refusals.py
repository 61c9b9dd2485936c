"""`manage.py import_predecessor`: what is replaced, cut or refused, each named in the report."""

from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from ledger.journal import post
from ledger.models import Account, Transaction
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import opened_account, purchase, requests
from tests.ledger.predecessor import OldMerchant, a_merchant, import_files, moved_in, of, written

pytestmark = pytest.mark.django_db


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
