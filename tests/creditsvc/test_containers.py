"""The image and the whole system in containers, as far as they can be checked without an engine to run them."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from creditsvc.environment import BASE_DIR, Environment
from tests.creditsvc.procfile import commands
from tests.processes import service_environment

pytestmark = pytest.mark.slow

DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()
COMPOSE = (BASE_DIR / "deploy" / "compose.yaml").read_text()
IN_THE_IMAGE = ("manage.py", "celeryconfig.py", "Procfile", "creditsvc", "ledger", "tasks", "api")
OF_OTHER_SERVICES = {
    "POSTGRES_PASSWORD",
    *(f"DATABASE_{who}_PASSWORD" for who in ("SERVICE", "WEB", "REDACTION")),
    *(
        f"BROKER_{who}_PASSWORD"
        for who in ("DEPLOYER", "SERVICE", "WEB", "PRODUCER", "INBOUND", "SUBSCRIBER", "MONITOR")
    ),
}
JOBS = {"prepare", "redact"}  # of ours, what runs and ends
SERVERS = {"postgresql", "rabbitmq", "redis"}


def services() -> dict[str, Any]:
    """The system's containers, by their names."""
    return dict(yaml.safe_load(COMPOSE)["services"])


def ours() -> dict[str, Any]:
    """Those that run our image."""
    return {name: service for name, service in services().items() if service["image"] == "credit-service"}


def copied() -> set[str]:
    """What the image's last stage copies out of the project."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE.split("FROM")[-1], re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def last_command() -> list[str]:
    """The image's CMD."""
    given = re.findall(r"^CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)[-1]
    return list(ast.literal_eval(given))


def imported_by(name: str) -> set[str]:
    """The top-level packages that a file or a package of ours imports."""
    path = BASE_DIR / name
    files = path.rglob("*.py") if path.is_dir() else [path]
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found


def test_the_image_has_what_it_imports_and_no_tests() -> None:
    python = {source for source in copied() if source.endswith(".py") or (BASE_DIR / source).is_dir()}
    our_own = {path.stem for path in BASE_DIR.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    needed = {name for source in python for name in imported_by(source)} & our_own

    assert needed <= {source.removesuffix(".py") for source in python}
    assert copied() == set(IN_THE_IMAGE)


def test_the_image_runs_by_itself_with_nothing_set(tmp_path: Path) -> None:
    for source in copied():
        copy = shutil.copytree if (BASE_DIR / source).is_dir() else shutil.copy
        copy(BASE_DIR / source, tmp_path / source)
    environment = service_environment(database_url="", broker_url="")
    environment.pop("APP_ENV")

    checked = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert checked.returncode == 0, checked.stderr


def test_the_image_does_not_run_as_root_and_its_user_owns_what_is_written() -> None:
    instructions = [line.split()[0] for line in DOCKERFILE.splitlines() if re.match("[A-Z]+ ", line)]
    volumes = {mount.split(":")[1] for service in ours().values() for mount in service["volumes"]}

    assert "USER credits" in DOCKERFILE
    assert instructions.index("USER") > instructions.index("RUN")
    assert "RUN" not in instructions[instructions.index("USER") :]
    assert volumes == {"/app/var/metrics"}
    assert "mkdir -p var/metrics && chown -R credits var" in DOCKERFILE


def test_the_image_serves_the_web_as_the_procfile_does_and_is_asked_for_its_health() -> None:
    assert last_command() == commands()["web"]
    assert "HEALTHCHECK" in DOCKERFILE
    assert "http://localhost:8000/health" in DOCKERFILE


def test_the_system_runs_the_procfiles_processes_by_the_procfiles_commands() -> None:
    started = {name: shlex.split(service["command"]) for name, service in ours().items() if name not in {"web", *JOBS}}

    assert {"web": last_command(), **started} == commands()


def test_migrations_and_topology_are_done_before_anything_serves() -> None:
    prepare = " ".join(services()["prepare"]["command"])

    assert "manage.py migrate" in prepare
    assert "manage.py declare_topology" in prepare
    done = {"condition": "service_completed_successfully"}
    for name in ours().keys() - {"prepare"}:
        assert services()[name]["depends_on"] == {"prepare": done, "roles": done}
    assert services()["roles"]["depends_on"] == {"prepare": done}
    assert services()["rabbitmq"]["depends_on"] == {"definitions": done}


def test_each_process_has_no_more_rights_than_it_needs() -> None:
    logins = {
        name: tuple(service["environment"][url].split("//")[1].split(":")[0] for url in ("DATABASE_URL", "BROKER_URL"))
        for name, service in ours().items()
    }

    workers = dict.fromkeys(
        ("grants", "consume", "consume2", "notifications", "beat"), ("credits_worker", "credits-service")
    )
    assert logins == {
        **workers,
        "web": ("credits_site", "credits-web"),
        "prepare": ("credits", "credits-deployer"),
        "redact": ("credits_eraser", "credits-web"),
    }


def test_the_brokers_users_are_those_of_its_definitions_and_no_other() -> None:
    made = services()["definitions"]
    users = json.loads((BASE_DIR / "deploy" / "rabbitmq" / "definitions.json").read_text())["users"]
    passwords = {f"BROKER_{user['name'].removeprefix('credits-').upper()}_PASSWORD" for user in users}

    assert passwords | {"INBOUND_EXCHANGE"} == made["environment"].keys()
    assert made["image"] in DOCKERFILE
    assert "environment" not in services()["rabbitmq"]
    (mounted,) = (mount for mount in services()["rabbitmq"]["volumes"] if mount.endswith("20-credits.conf:ro"))
    assert "/definitions/definitions.json" in (BASE_DIR / "deploy" / mounted.split(":")[0]).read_text()


@pytest.mark.parametrize("name", ["grants", "consume", "consume2", "notifications"])
def test_a_worker_is_asked_for_its_liveness_by_its_own_name(name: str) -> None:
    (_, question) = services()[name]["healthcheck"]["test"]

    assert question == f"python -m tasks.liveness {name}@$$(hostname)"
    assert f"{name}@%h" in services()[name]["command"]


def test_each_server_is_asked_for_its_health() -> None:
    assert services().keys() - ours().keys() == SERVERS | {"roles", "definitions"}
    assert all(services()[name]["healthcheck"]["test"] for name in SERVERS)


def test_every_variable_is_a_setting_or_explained() -> None:
    settings = {name.upper() for name in Environment.model_fields}
    explained = "\n".join(line for line in COMPOSE.splitlines() if line.startswith("#"))

    used = set(re.findall(r"\$\{(\w+)", COMPOSE))

    assert used - settings == OF_OTHER_SERVICES
    assert [variable for variable in used if variable not in explained] == []
    for service in ours().values():
        assert service["environment"].keys() <= settings


def test_the_readme_lists_the_procfiles_processes() -> None:
    table = (BASE_DIR / "README.md").read_text().split("| process | what it does |")[1].split("\n\n")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(commands())
