"""Parked messages in a browser: corrected beside the original and replayed, or dismissed with a reason, one or many."""

import json

import pytest
from playwright.sync_api import expect

from ledger.messages import Message
from ledger.models import OutboxRow, ParkedAct, ParkedMessage
from tests.browser.conftest import SignIn
from tests.ledger.builders import consume, opened_account
from tests.ledger.replaying import carry_out, parked_as

pytestmark = pytest.mark.slow


def test_a_message_is_corrected_replayed_and_seen_to_be_posted(signed_in: SignIn) -> None:
    account = opened_account(credits_bought=50)
    parked = parked_as(consume(merchant_id=account.merchant_id), amount="5")
    page = signed_in("anna")
    page.goto(f"/admin/ledger/parkedmessage/{parked.pk}/change/")

    page.get_by_role("link", name="Correct", exact=True).click()
    body = page.get_by_label("Body")
    body.fill(body.input_value().replace('"5"', "5.5"))
    page.get_by_label("Reason").fill("the shop's log says 5")
    page.get_by_role("button", name="Store correction").click()
    expect(page.get_by_text("amount: Input should be a valid integer")).to_be_visible()
    body.fill(body.input_value().replace("5.5", "5"))
    page.get_by_role("button", name="Store correction").click()
    expect(page.get_by_text("Corrected. Replay it to have it sent.")).to_be_visible()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("sent, no outcome yet")).to_be_visible()
    carry_out(Message.from_text(OutboxRow.objects.order_by("-id")[0].body))

    page.goto(f"/admin/ledger/parkedmessage/{parked.pk}/change/")
    expect(page.get_by_role("cell", name="posted").first).to_be_visible()
    account.refresh_from_db()
    assert account.balance == 45
    assert json.loads(ParkedMessage.objects.get().body)[1]["amount"] == "5"


def test_many_are_dismissed_from_the_list_with_a_reason(signed_in: SignIn) -> None:
    for _ in range(3):
        parked_as(consume())
    page = signed_in("anna")
    page.goto("/admin/ledger/parkedmessage/")

    page.locator("#action-toggle").check()
    page.get_by_label("Select action to run").select_option("dismiss")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("Nothing was dismissed.")).to_be_visible()
    assert not ParkedAct.objects.exists()
    page.locator("#action-toggle").check()
    page.get_by_label("Select action to run").select_option("dismiss")
    page.get_by_label("Reason").fill("a test of the shop's")
    page.get_by_role("button", name="Run").click()

    expect(page.get_by_text("3 dismissed.")).to_be_visible()
    assert {act.reason for act in ParkedAct.objects.all()} == {"a test of the shop's"}


def test_one_is_dismissed_from_its_page_and_not_without_a_reason(signed_in: SignIn) -> None:
    parked = parked_as(consume())
    page = signed_in("anna")
    page.goto(f"/admin/ledger/parkedmessage/{parked.pk}/change/")

    page.get_by_role("button", name="Dismiss").click()
    assert ParkedMessage.objects.get().state == "parked"
    page.get_by_label("Reason").fill("the shop is closed")
    page.get_by_role("button", name="Dismiss").click()

    expect(page.get_by_text("1 dismissed.")).to_be_visible()
    assert ParkedMessage.objects.get().state == "dismissed"


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_of_a_correction_is_no_wider_than_the_screen(signed_in: SignIn, width: int) -> None:
    parked = parked_as(consume(), note="x" * 600)
    page = signed_in("anna", width=width)

    page.goto(f"/admin/ledger/parkedmessage/{parked.pk}/correct/")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
