"""`manage.py import_predecessor` as a process: killed at any moment and started again, and out of a database."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest

from tests.ledger.predecessor import MIGRATION, OldMerchant, written

pytestmark = pytest.mark.slow


@pytest.fixture
def service(tmp_path: Path) -> dict[str, str]:
    """The environment of a service with books of its own, empty and migrated."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "creditsvc.settings",
        "APP_ENV": "test",
        "DATABASE_URL": f"sqlite:///{tmp_path}/books.sqlite3",
        "VAR_DIR": str(tmp_path / "var"),
    }
    manage(environment, "migrate", "--verbosity", "0")
    return environment


def manage(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command], env=environment, capture_output=True, text=True, check=False
    )


def merchants(count: int, *, rows: int) -> list[OldMerchant]:
    made = []
    for _ in range(count):
        merchant = OldMerchant.opened()
        merchant.row("credit", 1000)
        for _ in range(rows):
            merchant.row("debit", 1, seen=random.choice([None, None, None, 990]))
        made.append(merchant)
    return made


def test_killed_at_any_moment_and_started_again_it_moves_every_account_in_once(
    service: dict[str, str], tmp_path: Path
) -> None:
    old = merchants(40, rows=250)
    accounts, transactions = written(tmp_path, old)
    command = [sys.executable, "manage.py", "import_predecessor", "--accounts", str(accounts),
               "--transactions", str(transactions), "--report", str(tmp_path / "report.jsonl")]  # fmt: skip
    killed = 0

    for patience in range(40):
        process = subprocess.Popen(command, env=service, stderr=subprocess.PIPE)
        try:
            _, said = process.communicate(timeout=random.uniform(0.9, 1.5 + patience / 4))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1

    assert process.returncode == 0, said
    assert killed > 1
    audited = manage(service, "audit")
    assert "The books are right." in audited.stdout, audited.stdout + audited.stderr
    sums = {merchant.merchant_id: merchant.account["balance"] for merchant in old}
    assert balances(service) == {str(merchant_id): balance for merchant_id, balance in sums.items()}


def balances(service: dict[str, str]) -> dict[str, int]:
    show = "from ledger.models import Account; [print(a.merchant_id, a.balance) for a in Account.objects.all()]"
    lines = manage(service, "shell", "--no-imports", "-c", show).stdout.split("\n")
    return {merchant_id: int(balance) for merchant_id, balance in (line.split() for line in lines if line)}


@pytest.fixture
def database() -> Iterator[str]:
    """An empty database of a predecessor's own."""
    url, name = os.environ["TEST_DATABASE_URL"], f"predecessor_{uuid4().hex}"
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            yield url.rsplit("/", 1)[0] + f"/{name}"
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


COLUMNS = {
    "credit_accounts": (
        "id uuid, merchant_id uuid, platform_name text, platform_id text, platform_domain text, balance bigint, "
        "total_granted bigint, total_consumed bigint, created_at timestamptz, updated_at timestamptz"
    ),
    "credit_transactions": (
        "id uuid, account_id uuid, merchant_id uuid, amount bigint, operation text, balance_before bigint, "
        "balance_after bigint, reference_type text, reference_id text, description text, metadata jsonb, "
        "created_at timestamptz"
    ),
}


@pytest.mark.servers
def test_it_is_read_out_of_the_predecessors_own_database(
    service: dict[str, str], database: str, tmp_path: Path
) -> None:
    old = merchants(3, rows=5)
    old[0].row("credit", 5, description='a "quoted", text\nof two lines', metadata={"ключ": [1, None]})
    with closing(psycopg2.connect(database)) as connection, connection, connection.cursor() as cursor:
        for table, file in zip(COLUMNS, written(tmp_path, old, spelling=MIGRATION), strict=True):
            cursor.execute(f"CREATE TABLE {table} ({COLUMNS[table]})")
            with file.open() as rows:
                cursor.copy_expert(f"COPY {table} FROM STDIN WITH (FORMAT csv, HEADER)", rows)

    done = manage(service, "import_predecessor", "--database", database)

    assert done.returncode == 0, done.stderr
    assert "3 accounts and" in done.stderr
    assert balances(service) == {str(one.merchant_id): one.account["balance"] for one in old}
    assert "The books are right." in manage(service, "audit").stdout


def test_a_database_that_is_not_there_is_said_without_its_password(service: dict[str, str]) -> None:
    done = manage(service, "import_predecessor", "--database", "postgresql://somebody:hunter2@127.0.0.1:1/none")

    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
