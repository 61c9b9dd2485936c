"""A correlation id's page: everything that happened under it, from the message to the notice, in the order of time."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from ledger.admin.display import story_address
from ledger.journal import post
from ledger.models import OutboxBatch, OutboxRow, Transaction
from ledger.outcomes import ParkReason
from ledger.parking import replay
from ledger.queries import story as stories
from ledger.queries.story import Kind, story
from ledger.staff import freeze
from tests.admin.books import TABLES, many_of_everything, one_of_everything, park_one, row_page
from tests.ledger.builders import change_shop, consume, fresh, hold, open_account, opened_account, request
from tests.ledger.outbox_rows import each_apart

pytestmark = pytest.mark.django_db


def told(correlation_id):
    """A story as short texts."""
    return [
        f"{entry.kind} {getattr(entry.row, 'event_type', '') or entry.row}" for entry in story(correlation_id).entries
    ]


def test_a_story_runs_from_each_transaction_to_what_it_told():
    account = opened_account(credits_bought=110)
    correlation_id = fresh("correlation")
    exports = [consume(merchant_id=account.merchant_id, amount=20, reference_id=f"export-{n}") for n in (1, 2)]
    post([request(command, correlation_id=correlation_id) for command in exports])

    assert told(correlation_id) == [
        "transaction export/export-1",
        "outbox evt.credits.consumed.v1",
        "outbox evt.credits.low_balance.v1",
        "transaction export/export-2",
        "outbox evt.credits.consumed.v1",
    ]


def test_a_story_tells_how_a_parked_message_was_sent_again_and_applied():
    account = opened_account(credits_bought=500)
    correlation_id = fresh("correlation")
    parked = park_one(reason=ParkReason.EXPIRED, correlation_id=correlation_id)
    replay([parked.pk], by="anna", at=datetime.now(UTC))
    post([request(consume(merchant_id=account.merchant_id, reference_id="late"), correlation_id=correlation_id)])

    assert told(correlation_id) == [
        "parked credits.consume: expired",
        "settled credits.consume: expired",
        f"outbox {OutboxRow.objects.get(destination='message')}",
        "transaction export/late",
        "outbox evt.credits.consumed.v1",
    ]


def test_a_story_tells_what_waits_and_what_differs():
    books = one_of_everything()

    kinds = {entry.kind for entry in story(books.correlation_id).entries}

    assert kinds == {Kind.PARKED, Kind.WAITING, Kind.DIFFERENCE, Kind.TRANSACTION, Kind.OUTBOX}


def test_a_story_tells_who_changed_an_account_and_from_what_to_what(superuser):
    account = opened_account(shop_domain="old.example.com", platform_shop_id="1")
    correlation_id = fresh("correlation")
    moved = change_shop(merchant_id=account.merchant_id, shop_domain="new.example.com", platform_shop_id="1")
    post([request(moved, correlation_id=correlation_id)])
    freeze(account, actor="anna", reason="the owner wrote to us")
    frozen = account.changes.get(what="frozen")

    pages = [superuser.get(story_address(id_)).content.decode() for id_ in (correlation_id, frozen.correlation_id)]

    assert told(correlation_id) == ["changed shop: shopify old.example.com 1 → shopify new.example.com 1"]
    assert "shopify old.example.com 1 → shopify new.example.com 1" in pages[0]
    assert "By another service" in pages[0]
    assert "frozen: no → yes" in pages[1]
    assert "By anna · the owner wrote to us" in pages[1]
    assert row_page(account) in pages[1]


def test_a_story_tells_what_was_recorded_and_moved_nothing(superuser):
    account = opened_account(credits_bought=50)
    correlation_id = fresh("correlation")
    post([request(hold(merchant_id=account.merchant_id, amount=5), correlation_id=correlation_id)])

    page = superuser.get(story_address(correlation_id)).content.decode()

    assert "Hold of 5 recorded: balance 50, as before." in page


def test_a_story_holds_nothing_of_other_correlation_ids():
    books, other = one_of_everything(), one_of_everything()

    rows = {entry.row.correlation_id for entry in story(books.correlation_id).entries}

    assert rows == {books.correlation_id}
    assert other.correlation_id != books.correlation_id


def test_a_story_is_bounded_and_says_where_it_was_cut(superuser, monkeypatch):
    monkeypatch.setattr(stories, "ROWS_AT_MOST", 3)
    books = many_of_everything(count=3)

    page = superuser.get(story_address(books.correlation_id)).content.decode()

    assert story(books.correlation_id).cut == [
        "parked messages",
        "waiting commands",
        "shop differences",
        "transactions",
        "outbox rows",
    ]
    assert len(story(books.correlation_id).entries) <= 5 * 3
    assert "There are more transactions" in page


def test_a_storys_page_shows_balances_reasons_and_deliveries(superuser):
    books = one_of_everything()
    each_apart()
    OutboxRow.objects.filter(event_type="evt.credits.consumed.v1").update(unrouted=True)
    OutboxBatch.objects.filter(rows__unrouted=True).update(published_at=datetime(2026, 1, 31, 12, tzinfo=UTC))

    page = superuser.get(reverse("story", args=[books.correlation_id])).content.decode()

    assert "Debit of 60 posted: balance 150 → 90." in page
    assert "Debit of 1,000 declined, insufficient_credits: balance 90." in page
    assert "Published 2026-01-31 12:00:00.000: nobody was listening." in page
    assert "Not published yet" in page
    assert "credits.notify_low_balance" in page
    assert "invalid_field, field amount" in page


def test_a_story_begins_with_the_opening_of_an_account(superuser):
    correlation_id = fresh("correlation")
    opening = open_account()
    post([request(opening, correlation_id=correlation_id)])

    response = superuser.get(story_address(correlation_id))

    assert [entry["kind"] for entry in response.context["entries"]] == ["opened"]
    assert f"Opened for merchant {opening.merchant_id}, with no credits." in response.content.decode()


def test_a_storys_page_takes_few_queries(superuser, django_assert_max_num_queries):
    books = many_of_everything(count=12)

    with django_assert_max_num_queries(12):
        response = superuser.get(story_address(books.correlation_id))

    assert response.context["entries"]


@pytest.mark.parametrize("model", [table for table in TABLES if table.__name__ != "Account"])
def test_every_row_links_to_its_story(superuser, model):
    books = one_of_everything()
    row = model.objects.filter(correlation_id=books.correlation_id)[0]

    page = superuser.get(row_page(row)).content.decode()

    assert story_address(books.correlation_id) in page


@pytest.mark.parametrize("correlation_id", ["a/b", "..", ".", "a b?c#d&e=f%2F", "ünïcode", "\\", "x" * 255, "+", "%00"])
def test_any_correlation_id_has_a_page(superuser, correlation_id):
    account = opened_account()
    post([request(consume(merchant_id=account.merchant_id), correlation_id=correlation_id)])

    response = superuser.get(story_address(correlation_id))

    assert [entry["row"] for entry in response.context["entries"]][:1] == [Transaction.objects.get()]


@pytest.mark.parametrize("correlation_id", ["nobody-knows", "a\0b", "x" * 5_000, ""])
def test_an_unknown_correlation_id_has_an_empty_page(superuser, correlation_id):
    response = superuser.get(reverse("story_search"), {"correlation_id": correlation_id})

    assert response.status_code == 200
    assert response.context["entries"] == []


def test_a_story_leaves_out_what_one_may_not_see_and_says_so(staff_with):
    books = one_of_everything()

    response = staff_with("view_transaction").get(story_address(books.correlation_id))

    assert {entry["kind"] for entry in response.context["entries"]} == {"transaction"}
    assert "parked messages" in response.content.decode()


def test_a_story_is_closed_to_staff_without_any_view_permission(staff_with):
    assert staff_with().get(reverse("story_search")).status_code == 403


def test_a_story_is_closed_to_those_who_have_not_signed_in(client):
    response = client.get(reverse("story", args=["corr"]))

    assert response.status_code == 302
    assert response.url.startswith("/admin/login/")


def test_entries_of_one_moment_keep_the_accounts_order():
    account = opened_account(credits_bought=1_000)
    correlation_id = fresh("correlation")
    references = [f"export-{number}" for number in range(12)]
    post(
        [
            request(consume(merchant_id=account.merchant_id, reference_id=id_), correlation_id=correlation_id)
            for id_ in references
        ]
    )

    entries = [entry for entry in story(correlation_id).entries if entry.kind is Kind.TRANSACTION]

    assert [entry.row.reference_id for entry in entries] == references
    assert max(entry.at for entry in entries) - min(entry.at for entry in entries) == timedelta(0)
