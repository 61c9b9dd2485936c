"""No secret in a log: the check of the whole run sees what it must, and nobody who asks a worker is told one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory
from django.views.debug import technical_500_response

from creditsvc.environment import BASE_DIR
from tests.creditsvc.procfile import commands
from tests.fixtures.processes import RunProcess
from tests.processes import in_this_environment, service_environment
from tests.secrets import Watch, secrets_of
from tests.servers.ports import free_ports

GIVEN = {
    "database_url": "postgresql://credits:of%20the-database@127.0.0.1:9/credits",
    "broker_url": "amqp://credits:of-the-broker-1@127.0.0.1:9//;amqp://credits:of-the-broker-2@127.0.0.1:9//",
    "result_backend_url": "redis://:of-the-results@127.0.0.1:9/0",
    "secret_key": "of-django-0123456789-0123456789-01234",
    "client_jwt_secret": "of-clients-new-0123456789-0123456789,of-clients-old-0123456789-0123456789",
    "internal_jwt_secret": "of-services-0123456789-0123456789-0123",
    "email_host_password": "of-the-mail-server",
    "notify_webhook_url": "http://hook:of-the-hook-1@127.0.0.1:9/?token=of-the-hook-2",
    "notify_webhook_secret": "of-the-hook-3-0123456789-0123456789-01",
}
SECRETS = {
    "of%20the-database", "of the-database", "of-the-broker-1", "of-the-broker-2", "of-the-results",
    "of-django-0123456789-0123456789-01234", "of-clients-new-0123456789-0123456789",
    "of-clients-old-0123456789-0123456789", "of-services-0123456789-0123456789-0123", "of-the-mail-server",
    "of-the-hook-1", "of-the-hook-2", "of-the-hook-3-0123456789-0123456789-01",
}  # fmt: skip
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzaG9wIn0.c2lnbmF0dXJlLW9mLWl0"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A service with a secret in every setting that may hold one, and no server at any address."""
    given: dict[str, Any] = {**GIVEN, "var_dir": str(tmp_path / "var"), "logging_level": "DEBUG"}
    return service_environment(**given)


def test_every_secret_that_a_process_has_is_known_to_the_check(environment: dict[str, str]) -> None:
    assert set(secrets_of(environment).values()) >= SECRETS


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_a_log_that_tells_a_secret_is_found_and_the_secret_not_repeated(
    environment: dict[str, str], tmp_path: Path, secret: str
) -> None:
    (tmp_path / "log").write_text(f"all is well\nconnecting with {secret}@\n")
    watch = Watch()
    watch.file(("celery", "worker"), tmp_path / "log", environment)

    found = watch.findings()

    assert found
    assert all(line.startswith("celery worker has told ") for line in found)
    assert secret not in str(found)


def test_a_log_with_a_token_in_it_is_found(environment: dict[str, str]) -> None:
    watch = Watch()

    watch.text(("gunicorn",), f"GET /?token={TOKEN}", environment)
    watch.text(("gunicorn",), "GET /api/credits 200", environment)

    assert watch.findings() == ["gunicorn has told a token"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("celery", "-A", "creditsvc.celery", "report"),
        ("celery", "-A", "creditsvc.celery", "inspect", "ping"),
        ("manage.py", "declare_topology"),
        ("manage.py", "audit"),
        ("manage.py", "migrate"),
        ("manage.py", "check", "--deploy"),
    ],
)
def test_a_command_that_finds_no_server_tells_no_secret(command: tuple[str, ...], environment: dict[str, str]) -> None:
    ran = subprocess.run(
        in_this_environment(command),
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    printed = ran.stdout + ran.stderr

    assert [secret for secret in SECRETS if secret in printed] == []


ASK = """
from celery.worker import control
from creditsvc.celery import app
from types import SimpleNamespace

state = SimpleNamespace(app=app)
print(control.conf(state), control.conf(state, with_defaults=True), control.report(state), app.bugreport())
import creditsvc.environment as module
print(repr(module.environment), module.environment)
"""


@pytest.mark.slow
def test_what_a_worker_answers_about_its_settings_holds_no_secret(environment: dict[str, str]) -> None:
    """As `celery inspect conf` and `inspect report` are answered: by anybody who may write to the control exchange."""
    ran = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert "credits.grants" in ran.stdout
    assert [secret for secret in SECRETS if secret in ran.stdout + ran.stderr] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grants", "notifications", "beat", "web"])
def test_a_process_that_finds_no_server_tells_no_secret(
    name: str, environment: dict[str, str], run_process: RunProcess
) -> None:
    command = [part for part in commands()[name] if part != "--quiet"]
    if name == "web":
        environment["CREDIT_API_EXTERNAL_PORT"] = str(free_ports(1)[0])
    process = run_process(*command, environment=environment)

    process.wait_for_log({"beat": "ERROR|error|starting", "web": "Booting worker"}.get(name, "rror"))

    assert [secret for secret in SECRETS if secret in process.log()] == []


SESSION = "-".join(("of", "a", "session"))  # put together: the page shows the source of the lines around an error


def failure() -> Any:
    try:
        raise ValueError("a defect")
    except ValueError:
        return sys.exc_info()


def test_the_page_that_django_shows_in_development_leaves_out_every_secret(settings: Any) -> None:
    settings.DEBUG = True
    settings.BROKER_URL = GIVEN["broker_url"].partition(";")[0]
    settings.NOTIFY_WEBHOOK_URL = GIVEN["notify_webhook_url"]
    settings.CLIENT_JWT_SECRETS = tuple(GIVEN["client_jwt_secret"].split(","))
    request = RequestFactory().get("/admin/", DATABASE_URL=GIVEN["database_url"], HTTP_COOKIE=f"sessionid={SESSION}")

    page = technical_500_response(request, *failure()).content.decode()

    assert "a defect" in page
    assert "NOTIFY_WEBHOOK_URL" in page
    assert [secret for secret in (*SECRETS, SESSION) if secret in page] == []
