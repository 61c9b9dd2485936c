"""The package stands alone: no Django, no Celery, none of the service's code."""

import ast
import sys
import tomllib
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[2] / "client"
SOURCES = sorted((CLIENT / "src").rglob("*.py"))
OWN = "credits_client"
DECLARED = {"kombu", "amqp", "pydantic", "redis", "sqlalchemy", "requests", "urllib3", "pyjwt", "opentelemetry-api"}
IMPORTED_AS = {"jwt": "pyjwt", "opentelemetry": "opentelemetry-api"}


def imported(source):
    """The top-level packages that a file imports."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_it_imports_only_what_it_declares():
    found = {IMPORTED_AS.get(package, package) for source in SOURCES for package in imported(source)}

    assert found - set(sys.stdlib_module_names) - {OWN} == DECLARED


def test_what_it_imports_is_declared_in_its_metadata():
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]

    listed = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]

    assert {requirement.partition(">")[0].lower() for requirement in listed} == DECLARED


def test_every_module_is_packaged():
    packages = set(tomllib.loads((CLIENT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])

    assert {".".join(source.parent.relative_to(CLIENT / "src").parts) for source in SOURCES} == packages


def test_its_types_are_for_its_users_too():
    assert (CLIENT / "src" / OWN / "py.typed").exists()
