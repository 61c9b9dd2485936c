"""Drill: restore to a point in time."""

import os
import pwd
from pathlib import Path

import pytest

from tests.drills.conftest import Stage, staged
from tests.drills.drill import Drill
from tests.e2e.producer import Fields, consumption, new_id
from tests.e2e.service import Service
from tests.processes import eventually, service_environment
from tests.servers import PostgreSQL

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PROCESSES = ("grants", "consume", "beat")


def backup_folder(postgresql: PostgreSQL) -> Path:
    """Made here, and PostgreSQL's own."""
    folder = postgresql.folder / "backup"
    folder.mkdir()
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder


def now_of(stage: Stage) -> str:
    """What an operator who notes the time would note."""
    return stage.query("SELECT clock_timestamp()")


def consumed(stage: Stage, merchant: str, *, count: int, balance: int) -> list[Fields]:
    """What a producer sent, and keeps; all of it is applied."""
    sent = [consumption(merchant) for _ in range(count)]
    for each in sent:
        stage.producer.send("credits.consume", each)
    stage.producer.settled(merchant, balance=balance)
    return sent


def test_books_are_as_they_were_and_what_came_later_is_sent_again_and_applied_once(
    rabbitmq_url: str, tmp_path: Path
) -> None:
    with PostgreSQL.for_tests() as postgresql:
        environment = service_environment(database_url=postgresql.url, broker_url=rabbitmq_url)
        migrated = Service(broker="rabbitmq", environment=environment, folder=tmp_path).manage("migrate")
        assert migrated.returncode == 0, migrated.stderr
        drill = Drill("restore")
        folders = {"BACKUP": backup_folder(postgresql), "PGDATA": postgresql.folder / "data"}
        drill.set(
            **environment, **{name: str(folder) for name, folder in folders.items()}, HEADS=str(tmp_path / "heads")
        )
        drill.do("archive", as_postgres=True)
        postgresql.restart()
        with staged(
            drill, database_url=postgresql.url, broker_url=rabbitmq_url, folder=tmp_path, processes=PROCESSES
        ) as stage:
            merchant = stage.producer.merchant(credits=100)
            stage.producer.send("credits.hold", {**consumption(merchant, amount=7), "expires_in_s": 3600})
            eventually(lambda: stage.books.held(merchant) == 7)
            drill.do("backup", as_postgres=True)
            drill.do("heads")
            sent = consumed(stage, merchant, count=10, balance=90)
            drill.set(POINT=now_of(stage))
            sent += consumed(stage, merchant, count=10, balance=80)
            late = new_id()
            stage.query("UPDATE credit_accounts SET balance = 0, total_granted = total_consumed, held = 0")

            stage.service.stop(*PROCESSES)
            postgresql.kill()
            drill.do("restore", as_postgres=True)
            postgresql.restart()
            eventually(lambda: drill.do("recovered").strip() == "f")
            restored = stage.books.balance(merchant)
            drill.do("audit")
            stage.service.start(*PROCESSES)
            for each in [*sent, *sent, consumption(merchant, amount=3, reference_id=late)]:
                stage.producer.send("credits.consume", each)

            stage.producer.settled(merchant, balance=77)
            rows = stage.books.transactions(merchant)
            applied = [row["reference_id"] for row in rows if (row["kind"], row["status"]) == ("consume", "posted")]
            assert restored == 90
            assert sorted(applied) == sorted([*(each["reference_id"] for each in sent), late])
            assert stage.books.held(merchant) == 7
            eventually(lambda: all(row["published_at"] for row in stage.books.events(merchant)))
