"""Transports: a worker imports nothing that its broker does not need."""

import subprocess
import sys

import pytest

from tests.processes import service_environment

IMPORTED = """
import sys
import django
import creditsvc.celery
django.setup()
creditsvc.celery.app.loader.import_default_modules()
creditsvc.celery.app.connection().transport
print(*sys.modules)
"""
OF_A_BROKER = {"redis", "kombu.transport.redis", "kombu.transport.sqlalchemy", "sqlalchemy"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broker_url", "needed"),
    [
        ("amqp://127.0.0.1:1//", set()),
        ("redis://127.0.0.1:1/0", {"redis", "kombu.transport.redis"}),
        ("sqla+sqlite:///nowhere", {"kombu.transport.sqlalchemy", "sqlalchemy"}),
    ],
)
def test_a_worker_imports_its_own_brokers_transport_and_none_of_the_staffs_pages(
    broker_url: str, needed: set[str]
) -> None:
    environment = service_environment(database_url="sqlite:///nowhere", broker_url=broker_url)
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())

    assert imported & OF_A_BROKER == needed
    assert not {"ledger.admin", "ledger.admin.account"} & imported
