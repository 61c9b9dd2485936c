"""Staff inspect: nobody adds, changes or deletes a row of the ledger in the admin, superuser or not."""

import pytest
from django.contrib.auth.models import User
from django.forms.models import model_to_dict
from django.test import Client
from django.urls import reverse

from ledger.models import Account, ParkedMessage
from tests.admin.books import TABLES, list_page, one_of_everything, row_page
from tests.admin.conftest import SignIn

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def snapshot() -> dict[str, list[tuple[object, ...]]]:
    return {model.__name__: sorted(model.objects.values_list(), key=str) for model in TABLES}


def everything_but_superuser(staff_with: SignIn) -> Client:
    names = [model._meta.model_name for model in TABLES]
    return staff_with(*(f"{may}_{name}" for may in ("view", "add", "change", "delete") for name in names))


@pytest.mark.parametrize("model", TABLES)
def test_a_superuser_reads_every_list_and_row(superuser, model):
    books = one_of_everything()

    listed = superuser.get(list_page(model))
    shown = superuser.get(row_page(books.row(model)))

    assert (listed.status_code, shown.status_code) == (200, 200)


@pytest.mark.parametrize("model", TABLES)
def test_no_page_offers_to_save_or_delete_a_row(superuser, model):
    books = one_of_everything()

    page = superuser.get(row_page(books.row(model))).content.decode()

    assert 'name="_save"' not in page
    assert "/delete/" not in page
    assert "/add/" not in page.replace("/auth/", "")


@pytest.mark.parametrize("model", TABLES)
def test_a_row_has_no_history_of_djangos_own_beside_its_page(superuser, model):
    row = one_of_everything().row(model)

    page = superuser.get(row_page(row)).content.decode()
    asked = superuser.get(row_page(row, "history"))

    assert row_page(row, "history") not in page
    assert (asked.status_code, asked.url) == (302, row_page(row))


def test_the_history_of_a_member_of_staff_is_still_shown(superuser):
    page = superuser.get(reverse("admin:auth_user_change", args=[User.objects.get().pk])).content.decode()

    assert reverse("admin:auth_user_history", args=[User.objects.get().pk]) in page


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_adding_a_row_is_refused_to_a_superuser(superuser, model, method):
    books = one_of_everything()
    before = snapshot()

    response = getattr(superuser, method)(
        reverse(f"admin:ledger_{model._meta.model_name}_add"), _fields(books.row(model))
    )

    assert response.status_code == 403
    assert snapshot() == before


@pytest.mark.parametrize("model", TABLES)
def test_a_forged_change_is_refused_to_a_superuser(superuser, model):
    row = one_of_everything().row(model)
    before = snapshot()

    response = superuser.post(row_page(row), {**_fields(row), "balance": "999999", "_save": "Save"})

    assert response.status_code == 403
    assert snapshot() == before


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_forged_deletion_is_refused_to_a_superuser(superuser, model, method):
    row = one_of_everything().row(model)
    before = snapshot()

    response = getattr(superuser, method)(row_page(row, "delete"), {"post": "yes"})

    assert response.status_code == 403
    assert snapshot() == before


@pytest.mark.parametrize("model", TABLES)
def test_the_action_that_deletes_what_is_selected_does_not_exist(superuser, model):
    row = one_of_everything().row(model)
    before = snapshot()

    superuser.post(
        list_page(model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes", "index": 0}
    )

    assert snapshot() == before


@pytest.mark.parametrize("model", TABLES)
def test_a_forged_edit_within_a_list_changes_nothing(superuser, model):
    row = one_of_everything().row(model)
    before = snapshot()
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": row.pk, "form-0-balance": 7, "_save": "Save"}

    superuser.post(list_page(model), form)

    assert snapshot() == before


@pytest.mark.parametrize("model", TABLES)
def test_permissions_to_add_change_and_delete_allow_none_of_it(staff_with, model):
    staff = everything_but_superuser(staff_with)
    row = one_of_everything().row(model)
    before = snapshot()

    answers = [
        staff.post(reverse(f"admin:ledger_{model._meta.model_name}_add"), _fields(row)).status_code,
        staff.post(row_page(row), {**_fields(row), "_save": "Save"}).status_code,
        staff.post(row_page(row, "delete"), {"post": "yes"}).status_code,
    ]

    assert answers == [403, 403, 403]
    assert snapshot() == before


@pytest.mark.parametrize("model", TABLES)
def test_staff_without_the_view_permission_see_neither_list_nor_row(staff_with, model):
    staff = staff_with("view_account" if model is not Account else "view_transaction")
    row = one_of_everything().row(model)

    assert staff.get(list_page(model)).status_code == 403
    assert staff.get(row_page(row)).status_code == 403
    assert staff.get(row_page(row, "history")).status_code == 403


@pytest.mark.parametrize("model", TABLES)
def test_the_view_permission_of_a_table_opens_its_list_and_rows(staff_with, model):
    staff = staff_with(f"view_{model._meta.model_name}")
    row = one_of_everything().row(model)

    assert staff.get(list_page(model)).status_code == 200
    assert staff.get(row_page(row)).status_code == 200


@pytest.mark.parametrize("model", TABLES)
def test_who_has_not_signed_in_is_sent_to_do_so(client, model):
    response = client.get(list_page(model))

    assert response.status_code == 302
    assert response.url.startswith("/admin/login/")


def test_an_account_page_leaves_out_the_tables_that_one_may_not_see(staff_with):
    books = one_of_everything()

    titles = [table.title for table in staff_with("view_account").get(row_page(books.account)).context["tables"]]

    assert titles == []


def test_the_sidebar_links_only_to_what_one_may_see(staff_with):
    page = staff_with("view_account").get("/admin/").content.decode()

    assert list_page(Account) in page
    assert list_page(ParkedMessage) not in page
    assert "/admin/auth/user/" not in page


def _fields(row: object) -> dict[str, object]:
    return {name: "" if value is None else str(value) for name, value in model_to_dict(row).items()}
