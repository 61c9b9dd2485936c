"""Deploying under load: workers restarted in turn, and a migration applied while the old ones post."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
import pytest
from celery import Celery

from tests.e2e.load import Load, under_load
from tests.e2e.producer import Producer
from tests.e2e.service import WARM_STOP_SECONDS, Service, running
from tests.processes import AS_IN_PRODUCTION, Process, eventually, service_environment
from tests.servers.management import VirtualHost

pytestmark = [pytest.mark.servers, pytest.mark.slow]

LEDGER_WORKERS = ("grants", "grants.2", "consume", "consume.2")
CREDITS = 1_000_000
LOCK_TIMEOUT_SECONDS = 4

NEXT = """
from django.db import migrations, models
from django.db.models import Q

from ledger.online import AddCheckOnline, AddIndexOnline, ValidateCheck


class Migration(migrations.Migration):
    dependencies = [("ledger", "{newest}")]
    atomic = False
    operations = [
        migrations.AddField("account", "region", models.CharField(max_length=8, blank=True, db_default="")),
        migrations.AddField("transaction", "batch", models.BigIntegerField(null=True)),
        migrations.AddField("lot", "label", models.CharField(max_length=8, blank=True, db_default="")),
        AddCheckOnline("transaction", models.CheckConstraint(condition=Q(batch__gte=0), name="batch_ok")),
        ValidateCheck("transaction", "batch_ok"),
        AddIndexOnline("transaction", models.Index(fields=["batch"], name="credit_transactions_batch")),
    ]
"""


@pytest.fixture
def deployed(own_database: str, rabbitmq_admin: VirtualHost, tmp_path: Path) -> Iterator[Service]:
    """A service of the test's own, one worker of each kind."""
    environment = service_environment(database_url=own_database, broker_url=rabbitmq_admin.url)
    service = Service(broker="rabbitmq", environment=environment, folder=tmp_path)
    with running(service, "grants", "consume", "beat"):
        yield service


@pytest.fixture
def own_producer(deployed: Service) -> Iterator[Producer]:
    with Celery(broker=deployed.broker_url, set_as_current=False) as app:
        yield Producer(app=app, books=deployed.books, has_exchanges=True)


def assert_all_of_it_is_applied_once(load: Load, host: VirtualHost) -> None:
    load.producer.settled(load.merchant, balance=CREDITS + load.change)
    assert load.applied() == load.sent_sorted
    eventually(lambda: {n for n, count in host.messages().items() if count and n != "credits.sweeps"} == set())
    books = load.producer.books
    assert books.parked(load.merchant) == []
    assert books.waiting(load.merchant) == []
    eventually(lambda: all(row["published_at"] for row in books.events(load.merchant)))


def test_workers_restarted_in_turn_lose_and_double_nothing(
    deployed: Service, own_producer: Producer, rabbitmq_admin: VirtualHost
) -> None:
    deployed.start("grants.2", "consume.2")
    merchant = own_producer.merchant(credits=CREDITS)

    with under_load(own_producer, merchant) as load:
        for name in LEDGER_WORKERS:
            sent = len(load.sent["credits.purchase"])
            eventually(lambda sent=sent: len(load.sent["credits.purchase"]) > sent)
            told_at = time.monotonic()
            deployed.processes[name].signal(signal.SIGTERM)
            assert deployed.processes[name].wait() == 0
            assert time.monotonic() - told_at < WARM_STOP_SECONDS
            deployed.start(name)

    assert_all_of_it_is_applied_once(load, rabbitmq_admin)


def test_a_migration_is_applied_while_the_old_workers_post(
    deployed: Service, own_producer: Producer, rabbitmq_admin: VirtualHost, tmp_path: Path
) -> None:
    merchant = own_producer.merchant(credits=CREDITS)
    new = following(deployed, tmp_path)

    with ExitStack() as stack:
        load = stack.enter_context(under_load(own_producer, merchant))
        waiting = Process(*deployed.command("consume.2"), environment=new.environment, log=tmp_path / "new.log")
        stack.callback(waiting.end)
        waiting.wait_for_log("waiting for the database.*1 migrations are not applied")
        assert_it_holds_up_nobody(load, new)

        migrated = new.manage("migrate", "--verbosity", "0")

        assert migrated.returncode == 0, migrated.stderr
        waiting.wait_for_log(r"ready\.")
        deployed.processes["consume"].signal(signal.SIGTERM)
        deployed.processes["consume"].wait()
        deployed.start("consume")  # one of the old, on the schema of the new
        sent = len(load.sent["credits.consume_match"])
        eventually(lambda: len(load.sent["credits.consume_match"]) > sent)

    assert_all_of_it_is_applied_once(load, rabbitmq_admin)
    for name in ("grants", "consume"):
        assert "a batch was refused" not in deployed.processes[name].log(), name


def following(service: Service, folder: Path) -> Service:
    """The same service with a release's code whose ledger has one migration more."""
    package = folder / "next_migrations"
    package.mkdir()
    (package / "__init__.py").touch()
    newest = ""
    for file in sorted(Path("ledger/migrations").glob("0*.py")):
        (package / file.name).write_text(file.read_text())
        newest = file.stem
    (package / "9999_next.py").write_text(NEXT.format(newest=newest))
    settings = 'from creditsvc.settings import *\n\nMIGRATION_MODULES = {"ledger": "next_migrations"}\n'
    (folder / "next_settings.py").write_text(settings)
    python = {"PYTHONPATH": f"{folder}{os.pathsep}{AS_IN_PRODUCTION}", "DJANGO_SETTINGS_MODULE": "next_settings"}
    return Service(broker="rabbitmq", environment={**service.environment, **python}, folder=folder)


def assert_it_holds_up_nobody(load: Load, new: Service) -> None:
    """Where somebody reads a table for long, the migration gives up in time, and the workers go on behind it."""
    with closing(psycopg2.connect(new.environment["DATABASE_URL"])) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM credit_accounts")  # holds its lock until the transaction ends
        before = load.producer.books.transactions(load.merchant)

        migrated = new.manage("migrate", "--verbosity", "0")

        assert migrated.returncode != 0
        assert "lock timeout" in migrated.stderr
        eventually(
            lambda: len(load.producer.books.transactions(load.merchant)) > len(before),
            timeout_seconds=2 * LOCK_TIMEOUT_SECONDS,
        )
