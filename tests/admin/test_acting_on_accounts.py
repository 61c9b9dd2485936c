"""Acting on accounts and transactions in the admin: what is shown beforehand, done once, and said afterwards."""

import pytest

from ledger.journal import post
from ledger.models import Account, Adjustment, Lot, ParkedMessage, Transaction
from tests.admin.acting import act, action_page, adjust, confirmation, errors, offered, said
from tests.admin.books import list_page, row_page, rows_of
from tests.ledger.builders import hold, opened_account, requests
from tests.ledger.staffing import adjusted, an_adjustment, asked_for, declined_consumption, of_reference

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


# Adjusting


def foreseen(response):
    return dict(response.context["foreseen"].lines)


def test_an_adjustment_is_shown_before_it_is_made(superuser):
    account = opened_account(credits_bought=1_500)

    response = act(superuser, account, "adjust", change=-400, category="paid")

    shown = foreseen(response)
    assert (shown["Balance now"], shown["Balance then"], shown["Reason"]) == ("1,500", "1,100", "the owner wrote to us")
    assert Account.objects.get().balance == 1_500


def test_a_confirmed_adjustment_comes_to_what_was_shown(superuser):
    account = opened_account(credits_bought=1_500)

    response = adjust(superuser, account, change=-400)

    row = Transaction.objects.get(kind="adjust")
    assert (row.balance_after, row.actor, row.description) == (1_100, "root", "the owner wrote to us")
    assert said(response) == ["Done."]


def test_a_form_that_is_sent_twice_adjusts_once_and_says_so(superuser):
    account = opened_account()
    form = confirmation(act(superuser, account, "adjust", change=40, category="paid"))

    first, second = (superuser.post(action_page(account, "adjust"), form, follow=True) for _ in range(2))

    assert Account.objects.get().balance == 40
    assert (said(first), said(second)) == (["Done."], ["Done. It was done before, and not again."])


def test_a_form_that_was_sent_and_is_altered_does_nothing_more(superuser):
    account = opened_account()
    form = confirmation(act(superuser, account, "adjust", change=40, category="paid"))
    superuser.post(action_page(account, "adjust"), form)

    response = superuser.post(action_page(account, "adjust"), {**form, "change": "50"}, follow=True)

    assert Account.objects.get().balance == 40
    assert said(response)[-1].startswith("Not done. Reason: idempotency_conflict")
    assert ParkedMessage.objects.count() == 1


def test_each_preview_is_an_adjustment_of_its_own(superuser):
    account = opened_account()

    for _ in range(2):
        adjust(superuser, account, change=40)

    assert Account.objects.get().balance == 80


def test_credits_that_are_added_have_the_category_and_expiry_of_the_form(superuser):
    account = opened_account()

    adjust(superuser, account, change=40, category="paid", expires_at="2999-12-31 23:59")

    lot = Lot.objects.get()
    assert (lot.category, lot.expires_at.isoformat()) == ("paid", "2999-12-31T23:59:00+00:00")


def test_an_adjustment_that_would_be_declined_says_why_and_can_not_be_confirmed(superuser):
    account = opened_account(credits_bought=30)
    post(requests(hold(merchant_id=account.merchant_id, amount=25)))

    response = act(superuser, account, "adjust", change=-6, category="paid")

    shown = foreseen(response)
    assert (shown["It would be declined"], shown["Of it held"]) == ("insufficient_credits", "25")
    assert 'name="confirm"' not in response.content.decode()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"change": 0}, "change"),
        ({"change": "ten"}, "change"),
        ({"change": ""}, "change"),
        ({"change": 10**13}, "change"),
        ({"category": "free"}, "category"),
        ({"expires_at": "2001-01-01 00:00"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"change": -5, "expires_at": "2999-01-01 00:00"}, "expires_at"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
    ],
)
def test_what_can_not_be_accepted_is_said_beside_its_field(superuser, fields, field):
    account = opened_account(credits_bought=30)

    response = act(superuser, account, "adjust", **{"change": 5, "category": "paid", **fields})

    assert list(errors(response)) == [field]
    assert not Transaction.objects.filter(kind="adjust").exists()


# Approving


def test_a_large_adjustment_waits_for_another_person_in_a_list(staff_with, superuser, settings):
    settings.ADJUST_APPROVAL_LIMIT = 100
    account = opened_account()

    preview = act(superuser, account, "adjust", change=101, category="paid")
    response = superuser.post(action_page(account, "adjust"), confirmation(preview), follow=True)

    row = Adjustment.objects.get()
    assert "A second person" in foreseen(preview)["Approval"]
    assert said(response) == ["Stored: a second person must approve it."]
    assert rows_of(superuser.get(list_page(Adjustment, state="asked"))) == [row]
    assert rows_of(superuser.get(list_page(Adjustment, q=str(account.merchant_id)))) == [row]
    assert rows_of(superuser.get(list_page(Adjustment, q=str(row.pk)))) == [row]
    assert not Transaction.objects.exists()


def test_another_person_approves_it_and_sees_before_what_it_comes_to(staff_with):
    account = opened_account(credits_bought=30)
    row = asked_for(an_adjustment(account, change=70, actor="anna"))
    staff = staff_with("view_adjustment", "change_adjustment", "view_account", "view_transaction")

    page = staff.get(action_page(row, "approve")).content.decode()
    response = act(staff, row, "approve")

    row.refresh_from_db()
    assert "it takes the balance from 30 to 100" in page
    assert said(response) == ["Done."]
    assert (row.state, row.decision_reason) == ("approved", "the owner wrote to us")
    assert f"adjust/{row.pk}" in staff.get(row_page(row)).content.decode()
    assert Account.objects.get().balance == 100


def test_who_asked_is_not_offered_to_decide_and_is_refused(superuser):
    row = asked_for(an_adjustment(opened_account(), actor="root"))

    answers = [act(superuser, row, name) for name in ("approve", "refuse")]

    assert offered(superuser, row_page(row)) == []
    assert [errors(answer)["__all__"] for answer in answers] == [["actor: asked for it: another person decides"]] * 2
    assert Adjustment.objects.get().state == "asked"


def test_a_refused_adjustment_stays_in_the_list_and_is_offered_no_more(superuser):
    row = asked_for(an_adjustment(opened_account()))

    response = act(superuser, row, "refuse")

    assert said(response) == ["Refused."]
    assert offered(superuser, row_page(row)) == []
    assert rows_of(superuser.get(list_page(Adjustment, state="refused"))) == [row]
    assert errors(act(superuser, row, "approve"))["__all__"] == ["adjustment_id: was refused by root"]


def test_the_first_page_counts_what_is_to_be_approved(superuser):
    asked_for(an_adjustment(opened_account()))

    figures = {figure["title"]: figure["count"] for figure in superuser.get("/admin/").context["figures"]}

    assert figures["Adjustments asked for"] == "1"


# Freezing, thresholds, shops


def test_freezing_and_thawing_are_offered_in_turn(superuser):
    account = opened_account()

    act(superuser, account, "freeze")
    frozen = offered(superuser, row_page(account))
    response = act(superuser, account, "thaw")

    assert "Thaw" in frozen
    assert "Freeze" not in frozen
    assert said(response) == ["Done."]
    assert Account.objects.get().frozen is False
    assert rows_of(superuser.get(list_page(Account, frozen="no"))) == [account]


def test_freezing_what_is_frozen_says_that_nothing_changed(superuser):
    account = opened_account()
    act(superuser, account, "freeze")

    response = act(superuser, account, "freeze")

    assert said(response)[0].startswith("Unchanged")
    assert account.changes.count() == 1


@pytest.mark.parametrize(("given", "threshold"), [("250", 250), ("0", 0), ("", None)])
def test_a_threshold_is_set_and_taken_away(superuser, given, threshold):
    account = opened_account()
    act(superuser, account, "threshold", threshold=77)

    act(superuser, account, "threshold", threshold=given)

    assert Account.objects.get().low_balance_threshold == threshold


def test_a_threshold_below_zero_is_refused_beside_its_field(superuser):
    response = act(superuser, opened_account(), "threshold", threshold=-1)

    assert list(errors(response)) == ["threshold"]


def test_a_shop_is_changed_from_what_it_is(superuser):
    account = opened_account()
    form = superuser.get(action_page(account, "shop")).context["form"]

    act(superuser, account, "shop", **{**form.initial, "shop_domain": "New.Example.com"})

    account.refresh_from_db()
    assert form.initial["platform_shop_id"] == account.platform_shop_id
    assert account.shop_domain == "new.example.com"


def test_a_shop_that_can_not_be_is_refused_beside_its_field(superuser):
    shop = {"platform_name": "magento", "platform_shop_id": "m-1", "shop_domain": "no domain"}

    response = act(superuser, opened_account(), "shop", **shop)

    assert errors(response) == {"shop_domain": ["must be a domain such as shop.example.com"]}


# Retrying


def test_a_declined_transaction_is_retried_from_its_page_once(superuser):
    account = opened_account()
    declined = declined_consumption(account, amount=10)
    adjusted(account, 50)

    before = offered(superuser, row_page(declined))
    first, second = act(superuser, declined, "retry"), act(superuser, declined, "retry")

    retried = of_reference("retry", declined.pk)
    assert before == ["Retry"]
    assert (said(first), said(second)) == (["Done."], ["Done. It was done before, and not again."])
    assert offered(superuser, row_page(declined)) == []
    assert row_page(retried) in superuser.get(row_page(declined)).content.decode()
    assert Account.objects.get().balance == 40


def test_a_retry_that_is_declined_again_says_why_and_is_offered_a_retry_itself(superuser):
    declined = declined_consumption(opened_account())

    response = act(superuser, declined, "retry")

    assert said(response) == ["Declined. Reason: insufficient_credits."]
    assert offered(superuser, row_page(of_reference("retry", declined.pk))) == ["Retry"]


def test_a_posted_transaction_is_offered_no_retry_and_refused_one(superuser):
    row = Transaction.objects.get(account=opened_account(credits_bought=5))

    response = act(superuser, row, "retry")

    assert offered(superuser, row_page(row)) == []
    assert errors(response)["__all__"] == ["transaction_id: it is posted: only a declined transaction can be retried"]
