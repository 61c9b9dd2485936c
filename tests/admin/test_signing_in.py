"""Signing in: guessing passwords is stopped, and nobody else is kept out by it."""

import pytest
from django.contrib.auth.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PASSWORD = "the-right-one-17"


@pytest.fixture
def anna():
    return User.objects.create_superuser("anna", password=PASSWORD)


def sign_in(client, password, *, username="anna", address="192.0.2.1", **headers):
    return client.post("/admin/login/", {"username": username, "password": password}, REMOTE_ADDR=address, **headers)


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


@pytest.mark.parametrize("forwarded", ["198.51.100.{}", "198.51.100.{}, 192.0.2.1", "unknown", "2001:db8::{}"])
def test_an_address_that_the_client_writes_itself_does_not_get_round_the_lockout(client, anna, forwarded):
    for number in range(5):
        sign_in(client, "wrong", HTTP_X_FORWARDED_FOR=forwarded.format(number))

    assert sign_in(client, PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.9").status_code == 429


@pytest.mark.parametrize("guess", ["198.51.100.{}, 203.0.113.7", "{}, x, 203.0.113.7", "203.0.113.7"])
def test_behind_a_proxy_the_address_that_the_proxy_saw_counts(client, anna, settings, guess):
    settings.TRUSTED_PROXIES = 1
    for number in range(5):
        sign_in(client, "wrong", HTTP_X_FORWARDED_FOR=guess.format(number))

    same = sign_in(client, PASSWORD, HTTP_X_FORWARDED_FOR="198.51.100.99, 203.0.113.7")
    another = sign_in(client, PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.7, 203.0.113.8")

    assert (same.status_code, another.status_code) == (429, 302)


def test_behind_two_proxies_the_second_address_from_the_end_counts(client, anna, settings):
    settings.TRUSTED_PROXIES = 2
    for number in range(5):
        sign_in(client, "wrong", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}, 203.0.113.7, 192.0.2.200")

    assert sign_in(client, PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.7, 192.0.2.201").status_code == 429


def test_who_comes_past_the_proxies_is_counted_by_his_own_address(client, anna, settings):
    settings.TRUSTED_PROXIES = 2
    for number in range(5):
        sign_in(client, "wrong", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}")

    assert sign_in(client, PASSWORD).status_code == 429


def test_one_networks_many_ipv6_addresses_count_as_one(client, anna, settings):
    settings.TRUSTED_PROXIES = 1
    for number in range(5):
        sign_in(client, "wrong", HTTP_X_FORWARDED_FOR=f"2001:db8:0:7::{number:x}")

    same = sign_in(client, PASSWORD, HTTP_X_FORWARDED_FOR="2001:db8:0:7:ffff::1")
    another = sign_in(client, PASSWORD, HTTP_X_FORWARDED_FOR="2001:db8:0:8::1")

    assert (same.status_code, another.status_code) == (429, 302)


def test_a_session_ends_after_a_working_day_and_with_the_browser(client, anna):
    sign_in(client, PASSWORD)

    cookie = client.cookies["sessionid"]
    assert (cookie["max-age"], cookie["expires"]) == ("", "")
    assert 8 * 3600 - 60 < client.session.get_expiry_age() <= 8 * 3600
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_signing_in_gives_a_session_of_another_name(client, anna):
    client.get("/admin/login/")
    session = client.session
    session["planted"] = True
    session.save()
    planted = client.session.session_key
    client.cookies["sessionid"] = planted

    sign_in(client, PASSWORD)

    assert client.session.session_key != planted


@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/login/", "/admin/nowhere/", "/admin/ledger/account/", "/api/docs"]
)
def test_every_page_forbids_frames_foreign_scripts_and_telling_others_where_one_was(client, anna, address):
    sign_in(client, PASSWORD)

    answer = client.get(address)

    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == ("'self'" if address == "/api/docs" else "'self' 'unsafe-eval'")
    assert "unsafe-inline" not in policy["script-src"]
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert address == "/api/docs" or answer["X-Frame-Options"] == "DENY"
