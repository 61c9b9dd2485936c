"""How an account stands, on its page: what is due, lots, holds, who changed what; and what a transaction says."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.journal import post
from ledger.journal.redaction import redact_transaction
from ledger.models import Account, Hold, Lot, Transaction
from ledger.staff import freeze, set_threshold
from tests.admin.books import list_page, row_page, rows_of
from tests.admin.row_pages import field, shown, table
from tests.ledger.builders import capture, consume, grant, hold, opened_account, purchase, requests, reverse
from tests.ledger.staffing import an_adjustment, asked_for, of_reference

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

LOTS = "Lots, open ones first"
HOLDS = "Holds, open ones first"
DUE = "Due, not posted yet"


def passed(seconds=0.2):
    """A moment that lies ahead for a moment, and a function that waits until it has passed."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)

    def wait():
        while datetime.now(UTC) <= moment:
            pass

    return moment, wait


def test_an_accounts_page_lists_its_lots_the_open_ones_first_and_as_they_burn(superuser):
    account = opened_account()
    mine = {"merchant_id": account.merchant_id}
    post(
        requests(
            grant(**mine, amount=5, priority=1, reference_id="spent"),
            grant(**mine, amount=30, priority=60, reference_id="last"),
            grant(**mine, amount=20, priority=10, reference_id="first", expires_at="2999-01-01T00:00:00Z"),
            grant(**mine, amount=7, priority=70, reference_id="later", effective_at="2999-01-01T00:00:00Z"),
            consume(**mine, amount=5),
            hold(**mine, amount=12),
        )
    )

    rows = table(superuser, account, LOTS)

    assert [[row[0], row[2], *row[5:]] for row in rows] == [
        ["goodwill/first", "10", "20", "20", "12", "open"],
        ["goodwill/last", "60", "30", "30", "0", "open"],
        ["goodwill/later", "70", "7", "0", "0", "pending"],
        ["goodwill/spent", "1", "5", "0", "0", "closed"],
    ]
    assert rows[0][4] == "2999-01-01 00:00:00.000"


def test_an_accounts_page_lists_its_holds_the_open_ones_first(superuser):
    account = opened_account(credits_bought=50)
    placed = hold(merchant_id=account.merchant_id, reference_id="open", amount=5)
    delivered = hold(merchant_id=account.merchant_id, reference_id="delivered", amount=6)
    post(requests(placed, delivered, capture(delivered, amount=4)))

    rows = table(superuser, account, HOLDS)

    assert [row[:3] + row[4:5] for row in rows] == [
        ["job/open", "5", "open", "0"],
        ["job/delivered", "6", "captured", "4"],
    ]
    assert field(shown(superuser, account), "Of it held") == "5"


def test_an_accounts_page_says_who_changed_what_and_why(superuser):
    account = opened_account()
    freeze(account, actor="anna", reason="the owner wrote to us")
    set_threshold(account, threshold=250, actor="bert", reason="they asked for it")

    rows = table(superuser, account, "Who changed what")

    assert [row[1:6] for row in rows] == [
        ["low balance threshold", "–", "250", "bert", "they asked for it"],
        ["frozen", "no", "yes", "anna", "the owner wrote to us"],
    ]
    assert field(shown(superuser, account), "Spending") == "frozen"


def test_an_accounts_page_lists_what_is_due_and_posts_nothing_of_it(superuser):
    account = opened_account(credits_bought=50)
    expires_at, until_then = passed()
    post(requests(grant(merchant_id=account.merchant_id, amount=30, expires_at=expires_at)))
    lot = Lot.objects.get(reference_type="goodwill")
    until_then()

    rows = table(superuser, account, DUE)

    assert [row[1:] for row in rows] == [["due", "expire", "−30", "50", f"expire/{lot.pk}:1"[:35] + "…"]]
    assert not Transaction.objects.filter(kind="expire").exists()
    assert Account.objects.get().balance == 80


def test_an_accounts_page_without_anything_due_has_no_list_of_it(superuser):
    account = opened_account(credits_bought=50)

    titles = [table.title for table in superuser.get(row_page(account)).context["tables"]]

    assert DUE not in titles


def test_an_accounts_page_lists_the_adjustments_that_are_to_be_approved(superuser):
    account = opened_account()
    asked_for(an_adjustment(account, change=-70))

    rows = table(superuser, account, "Adjustments to be approved")

    assert [row[1:] for row in rows] == [["-70", "anna", "billed twice"]]


@pytest.mark.parametrize(
    ("permission", "title"),
    [
        ("view_lot", LOTS),
        ("view_hold", HOLDS),
        ("view_accountchange", "Who changed what"),
        ("view_adjustment", "Adjustments to be approved"),
    ],
)
def test_each_of_these_tables_is_shown_to_who_may_view_its_rows(staff_with, permission, title):
    account = opened_account()

    titles = [table.title for table in staff_with("view_account", permission).get(row_page(account)).context["tables"]]

    assert titles == [title]


# Lots and holds


def test_lots_and_holds_are_filtered_by_their_state(superuser):
    account = opened_account()
    mine = {"merchant_id": account.merchant_id}
    placed, other = hold(**mine, amount=1), hold(**mine, amount=1)
    post(
        requests(
            purchase(**mine, credits=5),
            grant(**mine, amount=1, priority=0),
            grant(**mine, effective_at="2999-01-01T00:00:00Z"),
            placed,
            other,
            capture(other),
        )
    )

    lots = {state: rows_of(superuser.get(list_page(Lot, state=state))) for state in ("open", "pending", "closed")}
    paid = rows_of(superuser.get(list_page(Lot, category="paid")))
    holds = rows_of(superuser.get(list_page(Hold, state="open")))

    assert {state: len(rows) for state, rows in lots.items()} == {"open": 2, "pending": 1, "closed": 0}
    assert [lot.category for lot in paid] == ["paid"]
    assert [str(row) for row in holds] == [f"job/{placed.reference_id}"]


def test_a_lot_that_is_over_is_closed_or_void_as_the_api_has_it(superuser):
    account = opened_account()
    mine = {"merchant_id": account.merchant_id}
    post(
        requests(
            grant(**mine, amount=5, reference_id="spent"),
            consume(**mine, amount=5),
            grant(**mine, reference_id="never", effective_at="2999-01-01T00:00:00Z"),
        )
    )
    Lot.objects.filter(reference_id="never").update(pending=False, is_open=False)  # as where its posting was declined

    listed = {state: rows_of(superuser.get(list_page(Lot, state=state))) for state in ("closed", "void")}

    assert {state: list(map(str, lots)) for state, lots in listed.items()} == {
        "closed": ["goodwill/spent"],
        "void": ["goodwill/never"],
    }
    assert {state: field(shown(superuser, lots[0]), "State") for state, lots in listed.items()} == {
        "closed": "closed",
        "void": "void",
    }


def test_a_holds_page_says_of_which_lots_it_is_made(superuser):
    account = opened_account(credits_bought=50)
    post(requests(hold(merchant_id=account.merchant_id, amount=5)))

    rows = table(superuser, Hold.objects.get(), "Set aside of these lots")

    assert [row[1:] for row in rows] == [["paid", "5"]]


# Transactions


def test_a_transactions_page_says_which_lots_it_took_from(superuser):
    account = opened_account(credits_bought=50)
    mine = {"merchant_id": account.merchant_id}
    taking = consume(**mine, amount=15)
    post(requests(grant(**mine, amount=10, reference_id="gift"), taking))

    rows = table(superuser, of_reference("export", taking.reference_id), "Lots that it took from, or gave back to")

    assert [row[1:] for row in rows] == [["promotional", "10"], ["paid", "5"]]
    assert rows[0][0] == "goodwill/gift"


def test_a_purchases_page_leads_to_the_lot_that_it_opened(superuser):
    account = opened_account(credits_bought=50)
    post(requests(consume(merchant_id=account.merchant_id, amount=15)))
    lot = Lot.objects.get()

    rows = table(superuser, Transaction.objects.get(kind="purchase"), "Lot that it opened")
    page = shown(superuser, Transaction.objects.get(kind="purchase"))

    assert rows == [[str(lot), "paid", "50", "35", "open"]]
    assert f'<a href="{row_page(lot)}"' in page
    assert "Lots that it took from" not in page


def test_a_transactions_page_shows_its_place_its_terms_its_target_and_its_digests(superuser):
    account = opened_account(credits_bought=50)
    taking = consume(merchant_id=account.merchant_id, amount=15)
    undoing = reverse(("export", taking.reference_id), merchant_id=account.merchant_id)
    post(requests(taking, undoing))
    row = of_reference("refund", undoing.reference_id)

    page = shown(superuser, row)

    assert field(page, "No. of all rows of the account") == "3"
    assert field(page, "Aims at") == str(row.target_id)
    assert field(page, "Digest") == row.digest
    assert "&quot;on_shortfall&quot;: &quot;decline&quot;" in page


def test_a_redacted_transactions_page_says_that_it_is(superuser):
    row = Transaction.objects.get(account=opened_account(credits_bought=50))

    redact_transaction(row.pk, actor="anna", reason="wrong file")

    assert field(shown(superuser, row), "Digest of description and metadata") == f"{row.content_digest} (redacted)"
