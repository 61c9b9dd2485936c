"""Who may act in the admin: each action needs its own permission, a form, and its token."""

from uuid import uuid4

import pytest
from django.test import Client

from ledger.models import Account, AccountChange, Adjustment, Transaction
from tests.admin.acting import REASON, act, action_page, adjust, confirmation, offered
from tests.admin.books import row_page
from tests.ledger.builders import opened_account
from tests.ledger.staffing import an_adjustment, declined_consumption
from tests.ledger.staffing import asked_for as stored

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ACCOUNT_ACTIONS = {"adjust": "add_transaction", "freeze": "change_account", "thaw": "change_account",
                   "threshold": "change_account", "shop": "change_account"}  # fmt: skip
FIELDS = {
    "adjust": {
        "change": 5,
        "category": "paid",
        "confirm": "yes",
        "adjustment_id": "0197d5c8-0000-7000-8000-000000000001",
    },
    "threshold": {"threshold": 7},
    "shop": {"platform_name": "magento", "platform_shop_id": "m-1", "shop_domain": "new.example.com"},
}
EVERYTHING = ["add_transaction", "change_account", "change_adjustment", "change_transaction", "add_account"]


def rows_and_actions():
    account = opened_account()
    asked, unwanted = (stored(an_adjustment(account)) for _ in range(2))
    declined = declined_consumption(account)
    return [
        *((account, name, permission) for name, permission in ACCOUNT_ACTIONS.items()),
        (asked, "approve", "change_adjustment"),
        (unwanted, "refuse", "change_adjustment"),
        (declined, "retry", "add_transaction"),
    ]


def books():
    return (
        list(Account.objects.values()),
        list(Transaction.objects.order_by("id").values()),
        list(Adjustment.objects.values()),
        AccountChange.objects.count(),
    )


def test_who_may_only_view_is_offered_nothing_and_refused_every_action(staff_with):
    viewer = staff_with("view_account", "view_transaction", "view_adjustment", "view_lot", "view_hold")
    pages = rows_and_actions()
    before = books()

    answers = {
        (name, method): getattr(viewer, method)(action_page(row, name), {**REASON, **FIELDS.get(name, {})}).status_code
        for row, name, _ in pages
        for method in ("get", "post")
    }

    assert set(answers.values()) == {403}
    assert {title for row, _, _ in pages for title in offered(viewer, row_page(row))} == set()
    assert books() == before


def test_every_action_is_refused_to_who_has_all_permissions_but_its_own(staff_with):
    views = ("view_account", "view_transaction", "view_adjustment")
    for row, name, permission in rows_and_actions():
        staff = staff_with(*views, *(other for other in EVERYTHING if other != permission))

        answer = staff.post(action_page(row, name), {**REASON, **FIELDS.get(name, {})})

        assert answer.status_code == 403, name


def test_every_action_is_open_to_who_has_its_permission_and_may_view_the_row(staff_with):
    for row, name, permission in rows_and_actions():
        staff = staff_with(f"view_{row._meta.model_name}", permission)

        page = staff.get(action_page(row, name))
        answer = staff.post(action_page(row, name), {**REASON, **FIELDS.get(name, {})})

        assert (page.status_code, answer.status_code) == (200, 302), name


def test_a_permission_to_act_without_one_to_view_is_none(staff_with):
    account = opened_account()
    staff = staff_with("add_transaction")

    answers = [
        staff.get(action_page(*page)) for page in ((account, "adjust"), (declined_consumption(account), "retry"))
    ]

    assert [answer.status_code for answer in answers] == [403, 403]


def test_each_page_offers_what_its_reader_may_do(staff_with):
    account = opened_account()
    page = row_page(account)

    assert offered(staff_with("view_account", "add_transaction"), page) == ["Adjust"]
    assert offered(staff_with("view_account", "change_account"), page) == ["Freeze", "Set threshold", "Change shop"]


def test_a_form_without_its_token_does_nothing(superuser):
    forged = Client(enforce_csrf_checks=True)
    forged.cookies = superuser.cookies
    pages = rows_and_actions()
    before = books()

    answers = {
        forged.post(action_page(row, name), {**REASON, **FIELDS.get(name, {})}).status_code for row, name, _ in pages
    }

    assert answers == {403}
    assert books() == before


def test_a_link_does_nothing(superuser):
    pages = rows_and_actions()
    before = books()

    for row, name, _ in pages:
        superuser.get(action_page(row, name), {**REASON, **FIELDS.get(name, {})})

    assert books() == before


def test_who_has_not_signed_in_is_sent_to_do_so(client):
    answers = [client.post(action_page(row, name), REASON) for row, name, _ in rows_and_actions()]

    assert {answer.status_code for answer in answers} == {302}
    assert all(answer.url.startswith("/admin/login/") for answer in answers)


def test_no_action_goes_without_a_reason(superuser):
    pages = rows_and_actions()
    before = books()

    for row, name, _ in pages:
        answer = superuser.post(action_page(row, name), FIELDS.get(name, {}))
        assert answer.context["form"].errors["reason"] == ["This field is required."], name

    assert books() == before


def test_an_unknown_row_is_not_found(superuser):
    unsaved = Account(pk=uuid4())

    assert superuser.get(action_page(unsaved, "freeze")).status_code == 404


def test_who_acts_is_who_has_signed_in(staff_with):
    account = opened_account()
    staff = staff_with("view_account", "add_transaction", "change_account")

    frozen = act(staff, account, "freeze", actor="somebody else")
    adjust(staff, account, change=5, actor="somebody else")

    name = frozen.wsgi_request.user.get_username()
    assert AccountChange.objects.get().actor == name
    assert Transaction.objects.get().actor == name


def test_a_preview_is_confirmed_by_a_form_of_its_own(superuser):
    account = opened_account()

    preview = act(superuser, account, "adjust", change=5, category="paid")

    assert not Transaction.objects.exists()
    assert confirmation(preview)["change"] == "5"
