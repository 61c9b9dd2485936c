"""A row's page: what it tells, what belongs to it, and that nothing from outside runs in it."""

import re
from datetime import UTC, datetime

import pytest

from ledger.journal import post
from ledger.messages import Message
from ledger.models import OutboxRow, ParkedMessage, ShopDifference, Transaction, WaitingCommand
from ledger.outcomes import ParkReason
from ledger.parking import replay
from tests.admin.books import (
    TOMORROW,
    conflict,
    list_page,
    one_of_everything,
    park_one,
    row_page,
    rows_of,
    task_message,
)
from tests.admin.row_pages import field, shown, table
from tests.ledger.builders import consume, grant, hold, opened_account, release, request

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

HOSTILE = "<script>alert('x')</script>"


# An account


def test_an_accounts_page_shows_balance_totals_sequences_and_alerts(superuser):
    account = opened_account(credits_bought=1_234_567)
    post([request(consume(merchant_id=account.merchant_id, amount=1_234_500))])

    page = shown(superuser, account)

    assert field(page, "Balance") == "67"
    assert field(page, "Granted in all") == "1,234,567"
    assert field(page, "Consumed in all") == "1,234,500"
    assert field(page, "Posted transactions") == "2"
    assert field(page, "Events told") == "3"
    assert field(page, "Alerts") == "low balance told"


def test_an_accounts_page_shows_its_newest_transactions_first_and_says_why_one_was_declined(superuser):
    account = opened_account(credits_bought=100)
    post([request(consume(merchant_id=account.merchant_id, amount=n, reference_id=f"export-{n}")) for n in (30, 99)])

    rows = table(superuser, account, "Newest 20 transactions")

    assert [row[2:6] for row in rows] == [
        ["declined: insufficient credits", "−99", "70", "export/export-99"],
        ["posted", "−30", "70", "export/export-30"],
        ["posted", "+100", "100", rows[2][5]],
    ]


def test_an_accounts_page_shows_no_more_than_the_newest_twenty_transactions_and_events(superuser):
    account = opened_account()
    post([request(grant(merchant_id=account.merchant_id)) for _ in range(25)])

    transactions = table(superuser, account, "Newest 20 transactions")
    events = table(superuser, account, "Newest 20 events")

    assert [row[1] for row in transactions] == [str(number) for number in range(25, 5, -1)]
    assert [row[1] for row in events] == [str(number) for number in range(25, 5, -1)]


def test_an_accounts_page_shows_what_waits_and_what_is_parked_for_it_and_other_shops(superuser):
    books = one_of_everything()

    waiting = table(superuser, books.account, "Waiting, in the order in which they will be applied")
    parked = table(superuser, books.account, "Newest parked messages")
    differences = table(superuser, books.account, "Later openings with another shop")

    assert [row[1] for row in waiting] == ["credits.grant"]
    assert [row[2:4] for row in parked] == [["invalid field", "amount"]]
    assert [row[3] for row in differences] == [books.row(ShopDifference).shop_domain]


# The top of a page


@pytest.mark.parametrize("model", [Transaction, ParkedMessage])
def test_the_top_of_a_page_names_its_row_as_it_is_searched_for(superuser, model):
    row = one_of_everything().row(model)

    top = shown(superuser, row).partition("<h1")[2].partition("</h1>")[0]

    written = [text.strip() for text in re.findall(r"<a [^>]*>([^<]*)</a", top)]
    assert written == ["Credit ledger", str(model._meta.verbose_name_plural).capitalize(), str(row)]


# A transaction


def test_a_declined_transactions_page_shows_its_reason_and_what_it_told(superuser):
    account = opened_account()
    post([request(consume(merchant_id=account.merchant_id, metadata={"file": "a.csv"}))])
    declined = Transaction.objects.get(status="declined")

    page = shown(superuser, declined)

    assert field(page, "Reason") == "insufficient_credits"
    assert "&quot;file&quot;: &quot;a.csv&quot;" in page
    assert [row[2] for row in table(superuser, declined, "What it told")] == ["evt.credits.insufficient.v1"]


# A parked message


def test_a_parked_messages_page_shows_it_whole_and_says_what_its_reason_means(superuser):
    message = task_message(kwargs={"amount": "5"}, headers={"origin": "checkout"}, properties={"reply_to": "somewhere"})
    parked = park_one(message=message, detail="Input should be a valid integer")

    page = shown(superuser, parked)

    for part in ("&quot;amount&quot;: &quot;5&quot;", "checkout", "somewhere", "Input should be a valid integer"):
        assert part in page
    assert "the detail says which" in page


def test_a_conflicts_page_shows_both_requests_and_where_they_differ(superuser):
    rows = table(superuser, conflict(), "Both requests")

    assert ["Amount as stated", "100", "250", "differs"] in rows
    assert [row[0] for row in rows if row[3] == "differs"] == ["Amount as stated"]
    assert [row[0] for row in rows if row[3] == "agrees"] == ["Merchant", "Operation"]


@pytest.mark.parametrize("body", [b"\xff\x00binary", b"[" * 100_000, b"{'not': json", b"9" * 5_000, b""])
def test_a_message_of_any_content_can_be_looked_at(superuser, body):
    message = Message(queue="credits.consume", name="", body=body, headers={"id": "1"})
    parked = park_one(message=message, reason=ParkReason.NOT_JSON)

    response = superuser.get(row_page(parked))

    assert response.status_code == 200


# What comes from outside


def test_what_a_producer_wrote_is_shown_as_text_on_every_page(superuser):
    account = opened_account(platform_shop_id=HOSTILE, credits_bought=50)
    hostile = {"reference_id": HOSTILE, "description": HOSTILE, "metadata": {HOSTILE: [HOSTILE]}}
    post([request(consume(merchant_id=account.merchant_id, **hostile), correlation_id=HOSTILE)])
    message = task_message(name=HOSTILE, kwargs={HOSTILE: HOSTILE}, headers={HOSTILE: HOSTILE})
    why = {"field": HOSTILE, "detail": HOSTILE, "correlation_id": HOSTILE, "merchant_id": account.merchant_id}
    parked = park_one(message=message, **why)
    transaction = Transaction.objects.get(reference_id=HOSTILE)
    event = OutboxRow.objects.filter(transaction=transaction).first()
    addresses = [
        *(row_page(row) for row in (account, transaction, event, parked)),
        *(list_page(type(row)) for row in (account, transaction, event, parked)),
        list_page(Transaction, q=HOSTILE),
        "/admin/story/?correlation_id=" + HOSTILE,
    ]

    pages = {address: superuser.get(address).content.decode() for address in addresses}

    assert [address for address, page in pages.items() if "alert(" not in page] == [list_page(type(account))]
    assert [address for address, page in pages.items() if "<script>alert" in page] == []


def test_a_waiting_commands_page_shows_its_arguments(superuser):
    page = shown(superuser, one_of_everything().row(WaitingCommand))

    assert "&quot;reference_type&quot;: &quot;goodwill&quot;" in page


def test_a_message_that_waits_or_is_sent_again_is_shown_with_its_content_as_json(superuser):
    account = opened_account()
    later = task_message(kwargs={"amount": 5}, headers={"origin": "checkout"})
    post([request(grant(merchant_id=account.merchant_id), message=lambda: later, due_at=TOMORROW)])
    parked = park_one(message=task_message(kwargs={"amount": "5"}))
    replay([parked.pk], by="staff", at=datetime.now(UTC))

    waits = shown(superuser, WaitingCommand.objects.get())
    sent_again = shown(superuser, OutboxRow.objects.get(destination=OutboxRow.Destination.MESSAGE))

    assert "&quot;origin&quot;: &quot;checkout&quot;" in waits
    assert "&quot;amount&quot;: 5\n" in waits
    assert "&quot;amount&quot;: &quot;5&quot;\n" in sent_again


@pytest.mark.parametrize("body", [b"\xff\x00binary", b"[" * 100_000, b"{'not': json", b""])
def test_a_message_of_any_content_that_is_sent_again_can_be_looked_at(superuser, body):
    parked = park_one(message=Message(queue="credits.consume", name="", body=body), reason=ParkReason.NOT_JSON)
    replay([parked.pk], by="staff", at=datetime.now(UTC))

    response = superuser.get(row_page(OutboxRow.objects.get()))

    assert response.status_code == 200


def test_a_command_that_waits_for_what_it_aims_at_says_so(superuser):
    account = opened_account(credits_bought=50)
    unplaced = hold(merchant_id=account.merchant_id, reference_id="not-placed-yet")
    post([request(release(unplaced))])
    waiting = WaitingCommand.objects.get()

    page = shown(superuser, waiting)

    assert field(page, "Waits for") == "its account, or what it aims at"
    assert field(page, "Aims at") == "job/not-placed-yet"
    assert rows_of(superuser.get(list_page(WaitingCommand, **{"for": "target"}))) == [waiting]
    assert rows_of(superuser.get(list_page(WaitingCommand, **{"for": "account"}))) == []
