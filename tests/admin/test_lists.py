"""Lists: what a filter leaves, and how a list gets by without its whole table."""

import pytest

from ledger.admin import window
from ledger.journal import post
from ledger.models import Account, OutboxRow, ParkedMessage, Transaction
from ledger.outcomes import ParkReason
from tests.admin.books import TABLES, list_page, many_of_everything, one_of_everything, park_one, row_page, rows_of
from tests.ledger.builders import consume, grant, opened_account, request
from tests.ledger.outbox_rows import confirmed, each_apart

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

MOST_QUERIES = 12
MOST_QUERIES_OF_A_ROW = 18  # an account's page has ten tables


# Filters


def test_accounts_are_filtered_by_balance_and_platform(superuser):
    exhausted = opened_account(platform_name="magento")
    opened_account(platform_name="magento", credits_bought=7)
    opened_account(platform_name="shopify")

    response = superuser.get(list_page(Account, balance="exhausted", platform="magento"))

    assert rows_of(response) == [exhausted]


def test_transactions_are_filtered_by_status_kind_and_reason(superuser):
    one_of_everything()

    response = superuser.get(list_page(Transaction, status="declined", kind="consume", reason="insufficient_credits"))

    assert [row.amount for row in rows_of(response)] == [1_000]


def test_the_outbox_is_filtered_by_what_is_still_to_be_sent(superuser):
    one_of_everything()
    each_apart()
    sent, *unsent = OutboxRow.objects.order_by("batch__publish_after", "id")
    confirmed([sent])

    response = superuser.get(list_page(OutboxRow, state="unpublished"))

    assert rows_of(response) == unsent[::-1]


def test_parked_messages_are_filtered_by_state_and_reason(superuser):
    wanted = park_one(reason=ParkReason.EXPIRED)
    park_one()
    settled = park_one(reason=ParkReason.EXPIRED)
    ParkedMessage.objects.filter(pk=settled.pk).update(state="dismissed")

    response = superuser.get(list_page(ParkedMessage, state="parked", reason="expired"))

    assert rows_of(response) == [wanted]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "no-such-status"},
        {"status": "\0"},
        {"balance_after__gte": "1"},
        {"description__contains": "x"},
        {"account__shop_domain__endswith": "com"},
        {"from": "not-a-position"},
        {"from": "a~b~c"},
    ],
)
def test_a_query_that_no_filter_offers_leads_back_to_the_list(superuser, query):
    one_of_everything()

    response = superuser.get(list_page(Transaction, **query))

    assert response.status_code in (302, 400)


def test_no_column_can_be_chosen_to_sort_by(superuser):
    one_of_everything()

    rows = rows_of(superuser.get(list_page(Transaction, o="5")))

    assert rows == list(Transaction.objects.order_by("-id"))


# Windows


@pytest.fixture
def small_window(monkeypatch):
    monkeypatch.setattr(window, "ROWS_AT_MOST", 3)


def walk(client, address):
    """Follow a list's way to older rows to its end; the rows of each window."""
    windows = []
    while address:
        response = client.get(address)
        windows.append(rows_of(response))
        older = response.context["cl"].older_url
        address = older and address.partition("?")[0] + older
    return windows


@pytest.mark.parametrize("model", TABLES)
def test_a_list_is_walked_window_by_window_without_missing_or_repeating_a_row(superuser, small_window, model):
    many_of_everything(count=4)

    windows = walk(superuser, list_page(model))

    rows = [row for rows in windows for row in rows]
    assert [len(rows) for rows in windows[:-1]] == [3] * (len(windows) - 1)
    assert sorted(row.pk for row in rows) == sorted(model.objects.values_list("pk", flat=True))
    assert len(rows) == model.objects.count()


def test_a_merchants_transactions_are_walked_in_order_of_time_also_within_one_moment(superuser, small_window):
    account = opened_account(credits_bought=50)
    opened_account(credits_bought=50)
    post([request(consume(merchant_id=account.merchant_id, amount=1)) for _ in range(7)])

    windows = walk(superuser, list_page(Transaction, q=str(account.merchant_id)))

    expected = Transaction.objects.filter(account=account).order_by("-created_at", "-id")
    assert [row for rows in windows for row in rows] == list(expected)
    assert [len(rows) for rows in windows] == [3, 3, 2]


def test_a_filter_looks_at_one_window_and_the_way_on_keeps_it(superuser, small_window):
    account = opened_account()
    declined = consume(merchant_id=account.merchant_id)
    post([request(declined)])
    post([request(grant(merchant_id=account.merchant_id)) for _ in range(4)])

    windows = walk(superuser, list_page(Transaction, status="declined"))

    assert [[row.reference_id for row in rows] for rows in windows] == [[], [declined.reference_id]]


def test_a_filter_with_an_index_of_its_own_finds_rows_however_old(superuser, small_window):
    forgotten = park_one()
    for _ in range(5):
        ParkedMessage.objects.filter(pk=park_one().pk).update(state="replayed")

    response = superuser.get(list_page(ParkedMessage, state="parked"))

    assert rows_of(response) == [forgotten]


def test_an_empty_list_offers_neither_to_create_a_row_nor_to_reset_what_is_not_set(superuser):
    page = superuser.get(list_page(ParkedMessage)).content.decode()

    assert "Nothing here." in page
    assert "Create a new item" not in page
    assert "Reset" not in page


@pytest.mark.parametrize("query", [{"q": "nothing-of-the-kind"}, {"state": "dismissed"}])
def test_a_list_in_which_nothing_matches_offers_to_reset_search_and_filters(superuser, query):
    park_one()

    page = superuser.get(list_page(ParkedMessage, **query)).content.decode()

    assert 'Nothing matches. <a href="?" class="text-link">Reset search and filters</a>' in page


def test_a_window_in_which_nothing_matches_says_that_older_rows_may(superuser, small_window):
    many_of_everything(count=4)

    page = superuser.get(list_page(Transaction, kind="trial")).content.decode()

    assert "Nothing matches among these rows; older ones may." in page


def test_a_list_counts_no_further_than_its_window(superuser, small_window):
    many_of_everything(count=4)

    response = superuser.get(list_page(Transaction))

    assert response.context["cl"].result_count == 3


# Queries


@pytest.mark.parametrize("model", TABLES)
def test_a_list_takes_few_queries_whatever_is_searched_for(superuser, django_assert_max_num_queries, model):
    books = many_of_everything(count=MOST_QUERIES)

    for term in ("", books.merchant, books.account.shop_domain, books.correlation_id, "export/report-7"):
        with django_assert_max_num_queries(MOST_QUERIES):
            response = superuser.get(list_page(model, q=term))

        assert response.status_code == 200


@pytest.mark.parametrize("model", TABLES)
def test_a_page_takes_few_queries_also_for_staff_with_permissions_of_their_own(
    staff_with, django_assert_max_num_queries, model
):
    books = many_of_everything(count=MOST_QUERIES)
    staff = staff_with(*(f"view_{table._meta.model_name}" for table in TABLES), "view_accountchange", "view_adjustment")

    with django_assert_max_num_queries(MOST_QUERIES):
        listed = staff.get(list_page(model))
    with django_assert_max_num_queries(MOST_QUERIES_OF_A_ROW):
        shown = staff.get(row_page(books.row(model)))

    assert (listed.status_code, shown.status_code) == (200, 200)


@pytest.mark.parametrize("address", ["/admin/", "/admin/story/", "/admin/auth/user/", "/admin/auth/group/"])
def test_the_other_pages_take_few_queries_too(superuser, django_assert_max_num_queries, address):
    many_of_everything(count=5)

    with django_assert_max_num_queries(MOST_QUERIES):
        response = superuser.get(address)

    assert response.status_code == 200
