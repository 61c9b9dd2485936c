"""docs/producers/node against a real worker: a few lines of another language, by the contract alone."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditsvc.environment import BASE_DIR
from tests.conformance import differences, filled, vectors
from tests.e2e.producer import Producer, new_id, opening
from tests.e2e.service import Service
from tests.processes import eventually
from tests.servers import install

pytestmark = [pytest.mark.servers, pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)]

SOURCE = BASE_DIR / "docs" / "producers" / "node"
VECTORS = dict(vectors())
Send = Callable[[str, Any], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its dependencies, in a folder of its own."""
    install.require(["nodejs", "npm"])
    folder = tmp_path_factory.mktemp("node") / "producer"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def send(installed: Path, service: Service) -> Send:
    """Sends one command by the example, as its README says."""

    def run(task: str, kwargs: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", "producer.mjs", task, json.dumps(kwargs)],
            cwd=installed,
            env={**os.environ, "BROKER_URL": service.broker_url},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_command_from_node_is_applied_once(send: Send, producer: Producer, service: Service) -> None:
    merchant = new_id()
    bought = {"merchant_id": merchant, "credits": 70, "purchase_id": f"order-ключ-{merchant}"}

    sent = [send("credits.open_account", opening(merchant)), *(send("credits.purchase", bought) for _ in range(2))]

    assert [done.returncode for done in sent] == [0, 0, 0], sent[0].stderr
    assert len({done.stdout.strip() for done in sent}) == 3
    producer.settled(merchant, balance=70)
    assert service.books.references(merchant) == [bought["purchase_id"]]


@pytest.mark.parametrize(
    "name",
    [
        "alerts: a balance that reaches 0 is told after the fall",
        "holds: a capture of a part releases the rest",
        "reversals: a part is reversed",
    ],
)
def test_conformance_vectors_hold_from_node(send: Send, service: Service, producer: Producer, name: str) -> None:
    vector = filled(VECTORS[name])
    (merchant,) = vector.merchants
    for message in vector.given:
        producer.ask(message["task"], message["kwargs"])
    before = len(service.books.events(merchant))

    assert send(vector.message["task"], vector.message["kwargs"]).returncode == 0

    told = eventually(lambda: service.books.events(merchant)[before:], what="events")
    found = [{"event_type": row["event_type"], "data": row["body"]["data"]} for row in told]
    assert differences(vector.events, found, path="events") == []


def test_what_no_queue_takes_is_said_and_exits_with_1(send: Send, producer: Producer) -> None:
    done = send("credits.nothing", {})

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == "not sent: no queue takes credits.nothing"
