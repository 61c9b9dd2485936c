"""Staff's three roles: each sees and does what it is meant to in every page of the admin, and nothing else."""

from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from ledger.models import Account, Adjustment, ParkedMessage, Transaction
from ledger.staff.roles import ROLES
from tests.admin.acting import REASON, act, action_page, adjust
from tests.admin.books import TABLES, list_page, one_of_everything, row_page
from tests.admin.test_acting_permissions import FIELDS
from tests.ledger.builders import opened_account
from tests.ledger.staffing import an_adjustment, declined_consumption
from tests.ledger.staffing import asked_for as stored

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PASSWORD = "a-good-one-for-the-tests-17"
ADJUSTING = {"adjust", "freeze", "thaw", "threshold", "shop", "retry", "correct"}
APPROVING = {"approve", "refuse"}
MAY_ACT = {"viewer": set(), "adjuster": ADJUSTING, "approver": APPROVING}


@pytest.fixture(autouse=True)
def roles() -> None:
    call_command("roles", stdout=StringIO())


def member(name: str, *roles: str) -> Client:
    """A member of staff with these roles, signed in."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def books() -> Any:
    return [list(model.objects.order_by("pk").values()) for model in (*TABLES, Adjustment, User, Group)]


def pages_of_the_ledger() -> list[tuple[str, str]]:
    """Every page of the ledger's tables with a row, by its name, so that a page that comes new is tried too."""
    one_of_everything()
    account = opened_account(credits_bought=10)
    declined_consumption(account)
    stored(an_adjustment(account))
    admin.autodiscover()
    pages = []
    for model, shown in admin.site._registry.items():
        if model._meta.app_label != "ledger":
            continue
        for pattern in shown.get_urls():
            if pattern.name is None:
                continue  # an old address that leads to the page of a row
            needs_row = "object_id" in pattern.pattern.converters
            row = model.objects.filter(status="declined").first() if pattern.name.endswith("_retry") else None
            row = row or model.objects.order_by("-pk").first()
            pages.append((pattern.name, reverse(f"admin:{pattern.name}", args=[row.pk] if needs_row else [])))
    return pages


def expected(name: str, role: str) -> int:
    page = name.rpartition("_")[2]
    if page == "history":
        return 302  # to the row's page
    if page in ("changelist", "change"):
        return 200
    return 200 if page in MAY_ACT[role] else 403


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_every_page_that_is_its_own_and_no_other(role: str) -> None:
    pages = pages_of_the_ledger()
    staff = member("anna", role)

    answers = {name: staff.get(address).status_code for name, address in pages}

    assert {name.rpartition("_")[2] for name in answers} >= {"changelist", "add", "delete", *ADJUSTING, *APPROVING}
    assert answers == {name: expected(name, role) for name in answers}
    assert [staff.get(address).status_code for address in ("/admin/", reverse("story_search"))] == [200, 200]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_manages_staff(role: str) -> None:
    staff = member("anna", role)
    other = User.objects.create_user("bert")
    addresses = [
        reverse(f"admin:auth_{model}_{page}", args=args)
        for model in ("user", "group")
        for page, args in (("changelist", []), ("add", []), ("change", [other.pk]), ("delete", [other.pk]))
    ]
    before = books()

    answers = {getattr(staff, method)(address).status_code for address in addresses for method in ("get", "post")}

    assert answers == {403}
    assert books() == before


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_not_do_a_forged_form_does_not_do_either(role: str) -> None:
    pages = [(name, address) for name, address in pages_of_the_ledger() if expected(name, role) == 403]
    staff = member("anna", role)
    before = books()

    answers = {
        staff.post(address, {**REASON, **FIELDS.get(name.rpartition("_")[2], {}), "post": "yes"}).status_code
        for name, address in pages
    }

    assert answers == {403}
    assert books() == before


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("adjuster", True), ("approver", False)])
@pytest.mark.parametrize("action", ["replay", "dismiss"])
def test_parked_messages_are_settled_by_adjusters(role: str, may: bool, action: str) -> None:
    one_of_everything()
    parked = ParkedMessage.objects.get()
    staff = member("anna", role)

    staff.post(list_page(ParkedMessage), {"action": action, "_selected_action": parked.pk, "index": 0, **REASON})

    parked.refresh_from_db()
    assert (parked.state != ParkedMessage.State.PARKED) is may
    assert parked.resolved_by == ("anna" if may else "")


def test_an_adjuster_has_a_large_adjustment_approved_by_another_and_never_by_himself() -> None:
    account = opened_account(credits_bought=10)
    adjuster, both, approver = (
        member("anna", "adjuster"),
        member("bert", "adjuster", "approver"),
        member("zoe", "approver"),
    )
    for staff in (adjuster, both):
        adjust(staff, account, change=20_000)
    of_anna, of_bert = (Adjustment.objects.get(asked_by=name) for name in ("anna", "bert"))

    own = [staff.post(action_page(row, "approve"), REASON) for staff, row in ((adjuster, of_anna), (both, of_bert))]

    assert own[0].status_code == 403
    assert "approve" in own[1].content.decode()
    assert not Transaction.objects.filter(kind="adjust").exists()
    act(approver, of_bert, "approve")
    act(both, of_anna, "approve")
    assert set(Adjustment.objects.values_list("asked_by", "decided_by")) == {("bert", "zoe"), ("anna", "bert")}
    account.refresh_from_db()
    assert account.balance == 40_010


def test_an_adjuster_carries_out_what_is_his_and_his_name_stands_on_it() -> None:
    account = opened_account(credits_bought=10)
    declined = declined_consumption(account, amount=12)
    anna = member("anna", "adjuster")

    adjust(anna, account, change=5)
    act(anna, account, "freeze")
    act(anna, account, "thaw")
    act(anna, declined, "retry")

    assert set(Transaction.objects.filter(kind__in=["adjust", "consume"]).values_list("actor", flat=True)) == {
        "anna",
        "",
    }
    account.refresh_from_db()
    assert (account.balance, account.frozen) == (3, False)


def test_making_the_roles_again_gives_them_back_what_they_are_meant_to_have() -> None:
    anna = User.objects.create_user("anna")
    anna.groups.add(Group.objects.get(name="viewer"))
    Group.objects.get(name="viewer").permissions.set(Group.objects.get(name="adjuster").permissions.all())

    call_command("roles", stdout=StringIO())

    assert not anna.has_perm("ledger.add_transaction")
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)
    assert [group.name for group in anna.groups.all()] == ["viewer"]
    assert anna.get_all_permissions() == {f"ledger.{codename}" for codename in ROLES["viewer"]}


def test_a_viewer_sees_an_accounts_page_whole_and_is_offered_nothing() -> None:
    account = one_of_everything().account
    page = member("anna", "viewer").get(row_page(Account.objects.get(pk=account.pk)))

    assert page.context["actions"] == []
    assert len(page.context["tables"]) > 3
