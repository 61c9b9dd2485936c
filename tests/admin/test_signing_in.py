"""Signing in: guessing passwords is stopped, and nobody else is kept out by it."""

import pytest
from django.contrib.auth.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PASSWORD = "the-right-one-17"


@pytest.fixture
def anna():
    return User.objects.create_superuser("anna", password=PASSWORD)


def sign_in(client, password, *, username="anna", address="192.0.2.1"):
    return client.post("/admin/login/", {"username": username, "password": password}, REMOTE_ADDR=address)


def test_the_right_password_opens_the_first_page(client, anna):
    response = sign_in(client, PASSWORD)

    assert (response.status_code, response.url) == (302, "/admin/")
    assert "Credit service" in client.get("/admin/").content.decode()


def test_five_failures_lock_out_the_right_password_too(client, anna):
    answers = [sign_in(client, "wrong").status_code for _ in range(5)]

    locked = sign_in(client, PASSWORD).status_code

    assert answers == [200, 200, 200, 200, 429]
    assert locked == 429


def test_failures_from_one_address_lock_nobody_out_from_another(client, anna):
    for _ in range(6):
        sign_in(client, "wrong")

    assert sign_in(client, PASSWORD, address="192.0.2.2").status_code == 302


def test_failures_of_one_name_lock_no_other_name_out(client, anna):
    for _ in range(6):
        sign_in(client, "wrong", username="bert")

    assert sign_in(client, PASSWORD).status_code == 302


def test_signing_in_forgets_the_failures_before_it(client, anna):
    for password in ["wrong"] * 4 + [PASSWORD] + ["wrong"] * 4:
        sign_in(client, password)

    assert sign_in(client, PASSWORD).status_code == 302


def test_a_user_who_is_no_staff_stays_outside(client):
    User.objects.create_user("customer", password=PASSWORD)

    response = sign_in(client, PASSWORD, username="customer")

    assert response.status_code == 200
    assert client.get("/admin/").status_code == 302
