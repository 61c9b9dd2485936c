"""The settings of contract §5: defaults, forms, the .env file, and how a wrong one is told."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from creditsvc.environment import BASE_DIR, Environment, Refused
from tests.creditsvc.conftest import Read
from tests.creditsvc.procfile import commands
from tests.processes import in_this_environment, service_environment

DEFAULTS: dict[str, Any] = {
    "app_env": "development",
    "debug": False,
    "allowed_hosts": ("localhost", "127.0.0.1", "[::1]"),
    "database_url": f"sqlite:///{BASE_DIR}/var/credits.sqlite3",
    "broker_url": f"sqla+sqlite:///{BASE_DIR}/var/broker.sqlite3",
    "result_backend": f"db+sqlite:///{BASE_DIR}/var/results.sqlite3",
    "internal_jwt_secret": None,
    "required_client_scope": "bff:call",
    "credit_api_external_port": 8000,
    "inbound_exchange": "glam.events",
    "trial_credits": 500,
    "low_balance_threshold": 100,
    "low_balance_alerts": "crossing",
    "account_wait": timedelta(minutes=15),
    "outbox_retention": timedelta(days=7),
    "expiring_soon": timedelta(days=7),
    "trial_credits_expire": False,
    "adjust_approval_limit": 10_000,
    "trusted_proxies": 0,
    "notify_emails": (),
    "notify_email_from": "credit-service@localhost",
    "email_host": "localhost",
    "email_port": 25,
    "email_host_user": "",
    "email_use_tls": False,
    "notify_webhook_url": "",
    "notify_webhook_secret": None,
    "logging_level": "INFO",
    "logging_format": "console",
    "prometheus_multiproc_dir": BASE_DIR / "var" / "metrics",
}
WRONG = {
    "APP_ENV": ["prod", "PRODUCTION"],
    "DEBUG": ["maybe"],
    "DATABASE_URL": [
        "nowhere",
        "mysql://u:p@db/credits",
        "SQLITE:///credits.sqlite3",
        "postgresql://u:p@db:port/credits",
        "postgresql://u:p@[::1/credits",
    ],
    "BROKER_URL": ["nowhere", "kafka://u:p@h", "AMQP://u:p@h", "amqp://u:p@h:port//", "amqp://u:p@h//;memory://"],
    "RESULT_BACKEND_URL": ["nowhere", "couchdb://u:p@h", "redis://h:port/0"],
    "CREDIT_API_EXTERNAL_PORT": ["0", "65536", "http"],
    "TRIAL_CREDITS": ["0", "-1", "5.5", "many", "1000000000001"],
    "LOW_BALANCE_THRESHOLD": ["-1", "few"],
    "LOW_BALANCE_ALERTS": ["never"],
    "ACCOUNT_WAIT": ["0", "-5", "soon", "15m", "99999999999999999999"],
    "OUTBOX_RETENTION": ["0", "P", "P11Y"],
    "NOTIFY_EMAILS": ["nobody", "a@example.com,nobody"],
    "NOTIFY_WEBHOOK_URL": ["hook.example.com", "ftp://hook.example.com", "https://"],
    "LOGGING_LEVEL": ["LOUD"],
    "LOGGING_FORMAT": ["xml"],
    "VAR_DIR": ["/dev/null/var"],
}


def test_with_nothing_set_every_setting_has_its_default(read: Read) -> None:
    environment = read()

    assert {name: getattr(environment, name) for name in DEFAULTS} == DEFAULTS


def test_what_is_set_to_nothing_has_its_default_too(read: Read) -> None:
    environment = read(TRIAL_CREDITS="", DATABASE_URL="", NOTIFY_EMAILS="")

    assert environment == read()


@pytest.mark.parametrize("name", ["account_wait", "outbox_retention"])
@pytest.mark.parametrize(
    ("text", "duration"),
    [("90", timedelta(seconds=90)), ("PT20M", timedelta(minutes=20)), ("P1DT2H", timedelta(days=1, hours=2))],
)
def test_a_duration_is_seconds_or_iso_8601(read: Read, name: str, text: str, duration: timedelta) -> None:
    environment = read(**{name.upper(): text})

    assert getattr(environment, name) == duration


def test_lists_have_commas_between_with_or_without_blanks(read: Read) -> None:
    environment = read(
        ALLOWED_HOSTS="a.example.com, b.example.com,",
        NOTIFY_EMAILS="a@example.com ,b@example.com",
        CLIENT_JWT_SECRET="the-new-one, the-old-one",
    )

    assert environment.allowed_hosts == ("a.example.com", "b.example.com")
    assert environment.notify_emails == ("a@example.com", "b@example.com")
    assert environment.client_jwt_secrets == ("the-new-one", "the-old-one")


def test_a_broker_may_be_several_members_of_one_cluster(read: Read) -> None:
    environment = read(BROKER_URL="amqp://u:p@one//;amqp://u:p@two//")

    assert environment.broker_url == "amqp://u:p@one//;amqp://u:p@two//"


def test_results_go_nowhere_with_a_broker_of_its_own_unless_told(read: Read) -> None:
    assert read(BROKER_URL="amqp://u:p@h//").result_backend is None
    assert read(BROKER_URL="amqp://u:p@h//", RESULT_BACKEND_URL="redis://h/1").result_backend == "redis://h/1"


def test_all_that_is_written_is_in_one_folder_which_can_be_chosen(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "not yet there"

    environment = read(VAR_DIR=str(folder))

    assert folder.is_dir()
    assert environment.database_url == f"sqlite:///{folder}/credits.sqlite3"
    assert environment.broker_url == f"sqla+sqlite:///{folder}/broker.sqlite3"
    assert environment.result_backend == f"db+sqlite:///{folder}/results.sqlite3"
    assert environment.prometheus_multiproc_dir == folder / "metrics"


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_in_one_line_that_names_the_variable(read: Read, variable: str, value: str) -> None:
    with pytest.raises(Refused) as refused:
        read(**{variable: value})

    line = str(refused.value)
    assert line.startswith(f"credit-service can't start: {variable} ")
    assert "\n" not in line


def test_a_refusal_never_repeats_a_url_which_may_hold_a_password(read: Read) -> None:
    for variable in ("DATABASE_URL", "BROKER_URL", "RESULT_BACKEND_URL", "NOTIFY_WEBHOOK_URL"):
        with pytest.raises(Refused) as refused:
            read(**{variable: "hunter2://hunter2:hunter2@hunter2:hunter2/hunter2"})

        assert "hunter2" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["python", "-c", "import creditsvc.settings"],
        ["manage.py", "check"],
        *(commands()[name] for name in ("web", "grants", "beat")),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_whatever_is_started_prints_that_one_line_and_ends_with_1(command: list[str]) -> None:
    environment = service_environment(database_url="sqlite://:memory:", broker_url="memory://", trial_credits="many")

    ended = subprocess.run(
        in_this_environment(tuple(command)),
        env=environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("credit-service can't start: TRIAL_CREDITS ")


def test_a_file_gives_what_the_environment_does_not(tmp_path: Path) -> None:
    (tmp_path / "creditsvc").mkdir()
    shutil.copy(BASE_DIR / "creditsvc" / "environment.py", tmp_path / "creditsvc")
    (tmp_path / ".env").write_text('TRIAL_CREDITS=7\nLOW_BALANCE_THRESHOLD=8\nALLOWED_HOSTS="a, b"\nOTHERS=9\n')
    environment = service_environment(database_url="", broker_url="", low_balance_threshold="80")
    environment.pop("APP_ENV")
    program = "from creditsvc.environment import environment; print(environment.model_dump_json())"

    printed = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, check=True, timeout=60
    )

    told = json.loads(printed.stdout)
    assert (told["trial_credits"], told["low_balance_threshold"]) == (7, 80)
    assert told["allowed_hosts"] == ["a", "b"]
    assert (tmp_path / "var").is_dir()


def test_the_contract_names_every_setting() -> None:
    contract = (BASE_DIR / "docs" / "contract.md").read_text()
    settings = contract.split("## 5. Settings")[1].split("## 6.")[0]

    assert [name for name in Environment.model_fields if name.upper() not in settings] == []
