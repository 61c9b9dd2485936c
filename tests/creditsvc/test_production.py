"""What a production service must not be started with, and that it starts with all else."""

import subprocess

import pytest
from django.test import Client

from creditsvc.environment import BASE_DIR, DEVELOPMENT_SECRET, Refused
from tests.creditsvc.conftest import Read
from tests.processes import in_this_environment, service_environment

STRONG = "qv7Kx2Zr9TgLm4Wb8NcJd6Hf3PsYa5Ue1RtVk0Xz"
PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": STRONG,
    "CLIENT_JWT_SECRET": STRONG,
    "ALLOWED_HOSTS": "credits.example.com",
    "DATABASE_URL": "postgresql://credits:password@db/credits",
    "BROKER_URL": "amqp://credits:password@rabbitmq/credits",
}
SHORT = "k7Jq9xPz2mWv"
MONOTONOUS = "abcabc" * 10
HOOKED = {"NOTIFY_WEBHOOK_URL": "https://hook.example.com"}
REFUSED = [
    ("DEBUG", "true"),
    *((name, weak) for name in ("SECRET_KEY", "CLIENT_JWT_SECRET") for weak in ("", SHORT, MONOTONOUS)),
    ("SECRET_KEY", DEVELOPMENT_SECRET),
    ("CLIENT_JWT_SECRET", DEVELOPMENT_SECRET),
    ("CLIENT_JWT_SECRET", " , "),
    ("CLIENT_JWT_SECRET", f"{STRONG},{SHORT}"),
    ("CLIENT_JWT_SECRET", f"{DEVELOPMENT_SECRET},{STRONG}"),
    ("INTERNAL_JWT_SECRET", SHORT),
    ("INTERNAL_JWT_SECRET", DEVELOPMENT_SECRET),
    ("INTERNAL_JWT_SECRET", STRONG),
    ("INTERNAL_JWT_SECRET", f"{STRONG[::-1]},{SHORT}"),
    ("DATABASE_URL", ""),
    ("DATABASE_URL", "sqlite:////var/credits.sqlite3"),
    ("BROKER_URL", ""),
    ("BROKER_URL", "sqla+sqlite:////var/broker.sqlite3"),
    ("BROKER_URL", "memory://"),
    ("RESULT_BACKEND_URL", "db+sqlite:////var/results.sqlite3"),
    ("RESULT_BACKEND_URL", "cache+memory://"),
]


def test_a_good_environment_is_taken(read: Read) -> None:
    environment = read(
        **PRODUCTION, **HOOKED, NOTIFY_WEBHOOK_SECRET=STRONG, INTERNAL_JWT_SECRET=f"{STRONG[::-1]},{STRONG.lower()}"
    )

    assert environment.app_env == "production"
    assert environment.result_backend is None


@pytest.mark.parametrize(("variable", "value"), REFUSED)
def test_what_is_weak_embedded_or_for_debugging_is_refused(read: Read, variable: str, value: str) -> None:
    with pytest.raises(Refused) as refused:
        read(**{**PRODUCTION, variable: value})

    line = str(refused.value)
    assert line.startswith(f"credit-service can't start: {variable} ")
    assert "\n" not in line
    assert all(secret not in line for secret in (STRONG, SHORT, MONOTONOUS, DEVELOPMENT_SECRET))


@pytest.mark.parametrize("secret", ["", SHORT, DEVELOPMENT_SECRET])
def test_a_webhook_needs_a_strong_secret(read: Read, secret: str) -> None:
    with pytest.raises(Refused, match="NOTIFY_WEBHOOK_SECRET"):
        read(**PRODUCTION, **HOOKED, NOTIFY_WEBHOOK_SECRET=secret)


def test_without_a_webhook_its_secret_is_not_asked_for(read: Read) -> None:
    assert read(**PRODUCTION, NOTIFY_WEBHOOK_SECRET=SHORT)


@pytest.mark.parametrize("variable", ["SECRET_KEY", "CLIENT_JWT_SECRET", "DATABASE_URL", "BROKER_URL"])
def test_what_is_missing_is_refused(read: Read, variable: str) -> None:
    rest = {name: value for name, value in PRODUCTION.items() if name != variable}

    with pytest.raises(Refused, match=variable):
        read(**rest)


def test_outside_production_the_same_is_taken(read: Read) -> None:
    for variable, value in REFUSED:
        assert read(**{**PRODUCTION, "APP_ENV": "development", variable: value})


@pytest.mark.slow
def test_djangos_own_check_of_a_deployment_has_nothing_to_say() -> None:
    environment = {**service_environment(database_url="", broker_url=""), **PRODUCTION}

    checked = subprocess.run(
        in_this_environment(("manage.py", "check", "--deploy", "--fail-level", "WARNING")),
        env=environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


@pytest.mark.django_db
def test_the_two_middlewares_that_this_check_is_told_not_to_miss_are_there(client: Client) -> None:
    page = client.get("/admin/login/")

    assert page.headers["X-Frame-Options"] == "DENY"
    assert "csrftoken" in page.cookies
    assert Client(enforce_csrf_checks=True).post("/admin/login/").status_code == 403
