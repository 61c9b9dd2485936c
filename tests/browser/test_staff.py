"""What staff do in a browser: each act clicked through, found within two clicks, by keyboard alone, and on a phone."""

import pytest
from playwright.sync_api import Page, expect

from ledger.journal import post
from ledger.journal.parking import ToPark, park
from ledger.models import Account, OutboxRow, ParkedMessage, Transaction
from ledger.outcomes import ParkReason
from tests.browser.conftest import SignIn
from tests.ledger.builders import consume, consume_match, opened_account, purchase, requests
from tests.ledger.stored import task_message

pytestmark = pytest.mark.slow


def open_account_page(page: Page, account: Account) -> None:
    """From the start page, by two clicks."""
    page.goto("/admin/")
    page.get_by_role("link", name="Accounts", exact=False).first.click()
    page.get_by_role("link", name=account.shop_domain).first.click()
    expect(page.get_by_text("Balance over time")).to_be_visible()


def balance_of(account: Account) -> int:
    account.refresh_from_db()
    return account.balance


def test_an_adjustment_above_the_limit_is_posted_once_a_second_person_approves_it(signed_in: SignIn) -> None:
    account = opened_account(credits_bought=100)
    anna, bert = signed_in("anna"), signed_in("bert")

    open_account_page(anna, account)
    anna.get_by_role("link", name="Adjust", exact=True).click()
    anna.get_by_label("Change").fill("20000")
    anna.get_by_label("Reason").fill("a migration credit that was promised")
    anna.get_by_role("button", name="Preview").click()
    expect(anna.get_by_text("20,100")).to_be_visible()
    expect(anna.get_by_text("A second person must approve it")).to_be_visible()
    anna.get_by_role("button", name="Confirm").click()
    assert balance_of(account) == 100

    bert.goto("/admin/")
    bert.get_by_role("link", name="Adjustments asked for").click()
    bert.locator("#result_list a").first.click()
    bert.get_by_role("link", name="Approve").click()
    bert.get_by_label("Reason").fill("checked with finance")
    bert.get_by_role("button", name="Approve").click()

    expect(bert.get_by_text("Approved").first).to_be_visible()
    assert balance_of(account) == 20_100
    row = Transaction.objects.get(kind="adjust")
    assert (row.actor, row.metadata["approved_by"]) == ("anna", "bert")


def test_a_declined_row_is_retried(signed_in: SignIn) -> None:
    account = opened_account()
    post(requests(consume(merchant_id=account.merchant_id, amount=5)))
    post(requests(purchase(merchant_id=account.merchant_id, credits=50)))
    page = signed_in("anna")

    open_account_page(page, account)
    declined = Transaction.objects.get(status="declined")
    page.locator(f'a[href*="/transaction/{declined.id}/"]').first.click()
    page.get_by_role("link", name="Retry").click()
    page.get_by_label("Reason").fill("they have paid by now")
    page.get_by_role("button", name="Retry").click()

    expect(page.get_by_text("retry/")).to_be_visible()
    assert balance_of(account) == 45


def test_an_account_is_frozen_and_thawed(signed_in: SignIn) -> None:
    account = opened_account(credits_bought=100)
    page = signed_in("anna")

    for act, frozen in (("Freeze", True), ("Thaw", False)):
        open_account_page(page, account)
        page.get_by_role("link", name=act, exact=True).click()
        page.get_by_label("Reason").fill("the owner wrote to us")
        page.get_by_role("button", name=act).click()
        expect(page.get_by_text("Who changed what")).to_be_visible()
        account.refresh_from_db()
        assert account.frozen is frozen


def test_a_parked_message_is_looked_at_and_replayed(signed_in: SignIn) -> None:
    refused = task_message(consume_match())
    park([ToPark(message=refused, reason=ParkReason.INVALID_FIELD, field="amount", detail="must be whole")])
    page = signed_in("anna")

    page.get_by_role("link", name="Parked messages").click()
    page.locator("#result_list a").first.click()
    expect(page.get_by_text("must be whole").first).to_be_visible()
    page.get_by_role("button", name="Replay").click()

    expect(page.get_by_text("1 sent again.")).to_be_visible()
    assert ParkedMessage.objects.get().state == "replayed"
    assert OutboxRow.objects.get().name == refused.queue


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of that name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.innerText || document.activeElement.name || ''")
        if focused.strip() == name:
            return
    pytest.fail(f"no way to {name} by Tab")


def test_an_adjustment_is_made_by_keyboard_alone(signed_in: SignIn) -> None:
    account = opened_account(credits_bought=100)
    page = signed_in("anna")
    page.goto(f"/admin/ledger/account/{account.id}/change/")

    tab_to(page, "Adjust")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("Enter")
    page.wait_for_url("**/adjust/")
    tab_to(page, "change")
    page.keyboard.type("25")
    tab_to(page, "reason")
    page.keyboard.type("goodwill")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Balance then")).to_be_visible()
    tab_to(page, "Confirm")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Balance over time")).to_be_visible()

    assert outline != "none"
    assert balance_of(account) == 125


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_screen(signed_in: SignIn, width: int) -> None:
    account = opened_account(credits_bought=100)
    post(requests(consume(merchant_id=account.merchant_id, amount=100, description="x" * 300)))
    park([ToPark(message=task_message(consume()), reason=ParkReason.DEFECT, detail="y" * 600)])
    row, parked = Transaction.objects.get(kind="consume"), ParkedMessage.objects.get()
    page = signed_in("anna", width=width)

    too_wide = []
    for path in (
        "", "ledger/account/", f"ledger/account/{account.id}/change/", f"ledger/account/{account.id}/adjust/",
        f"ledger/transaction/{row.id}/change/", "ledger/transaction/", f"ledger/parkedmessage/{parked.pk}/change/",
    ):  # fmt: skip
        page.goto(f"/admin/{path}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            too_wide.append(path)

    assert too_wide == []


def test_every_room_is_one_click_from_the_start_page(signed_in: SignIn) -> None:
    page = signed_in("anna")

    for name in ("Accounts", "Transactions", "Lots", "Holds", "Adjustments", "Parked", "Waiting", "Outbox", "Story"):
        page.goto("/admin/")
        page.get_by_role("link", name=name).first.click()
        expect(page).not_to_have_url("**/admin/")
        expect(page.locator("body")).to_contain_text(name)


def test_the_pages_fetch_nothing_from_elsewhere(signed_in: SignIn) -> None:
    account = opened_account(credits_bought=100)
    page = signed_in("anna")
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))

    open_account_page(page, account)

    assert hosts <= {"127.0.0.1"}
