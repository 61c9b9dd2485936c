"""Processes under test find the packages that production has, and no others of those that are installed here."""

import json
import re
import subprocess
import sys

import pytest

from creditsvc.environment import BASE_DIR
from tests.processes import service_environment

IMPORTED = """
import importlib.metadata, json, sys
import django
import creditsvc.celery
django.setup()
creditsvc.celery.app.loader.import_default_modules()
import creditsvc.wsgi
of = importlib.metadata.packages_distributions()
names = {name.partition(".")[0] for name, module in sys.modules.items() if module is not None}
print(json.dumps({name: of[name] for name in names if name in of}))
"""
WITH_PYTHON = {"setuptools"}  # an environment's own


@pytest.mark.slow
def test_workers_and_web_import_nothing_that_only_developers_have() -> None:
    environment = service_environment(database_url="sqlite:///nowhere", broker_url="amqp://127.0.0.1:1//")
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=True)

    locks = (BASE_DIR / "requirements" / "base.txt").read_text()
    locked = {*map(normal, re.findall(r"^([\w.-]+)==", locks, re.MULTILINE))}
    imported = {name: {*map(normal, of)} for name, of in json.loads(done.stdout).items()}

    assert {name: of for name, of in imported.items() if not of & (locked | WITH_PYTHON)} == {}


def normal(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
