"""The demonstration, as `make run` plays it: real processes, the embedded broker, one merchant's story."""

import json
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from creditsvc.demo.story import MERCHANT_ID
from creditsvc.management.commands.demo import create_staff
from ledger.staff.roles import ROLES
from tests.creditsvc.procfile import commands
from tests.processes import PATIENCE_SECONDS, Process, service_environment
from tests.servers.ports import free_ports
from tests.servers.process_tree import family

pytestmark = pytest.mark.slow
CHAPTER = [
    "posted, balance 550",
    "posted, balance 549",
    "posted, balance 548",
    "posted, balance 547",
]
ENDING = [
    "declined, balance 0, insufficient_credits",
    "posted, balance 200",
    *("recorded, balance 200", "posted, balance 160", "posted, balance 135", "posted, balance 160"),
    "posted, balance 190",
]
MOVED_TO = "moved.example.com"
TOLD = (
    *("granted", "low_balance", "exhausted", "insufficient", "recovered", "held", "captured", "reversed"),
    *("expiring_soon", "expired"),
)


class Run:
    """One run of the demonstration: what it printed, and the processes that it left behind."""

    def __init__(self, printed: str, *, web_log: str, started: set[int], left: set[int], exit_code: int) -> None:
        self.printed = printed
        self.web_log = web_log
        self.started = started
        self.left = left
        self.exit_code = exit_code

    @property
    def outcomes(self) -> list[str]:
        """What became of each command, in order."""
        return re.findall(r"^ += (.+)$", self.printed, re.MULTILINE)

    @property
    def events(self) -> list[str]:
        """The types of the events that were printed one by one, in order."""
        return re.findall(r"^ +event \d+  (\S+)", self.printed, re.MULTILINE)

    @property
    def answer(self) -> dict[str, object]:
        """The data of the API's answer."""
        text = self.printed.split("What the BFF reads:\n")[1].split("\n\nRepeat it:")[0]
        data: dict[str, object] = json.loads(text)["data"]
        return data


@contextmanager
def demonstration(*, environment: dict[str, str], log: Path) -> Iterator[Process]:
    """A demonstration that runs as long as the block."""
    process = Process("manage.py", "demo", environment=environment, log=log)
    try:
        yield process
    finally:
        process.end()


def play(*, environment: dict[str, str], log: Path) -> Run:
    """Run it until its story is told, then as Ctrl-C does."""
    with demonstration(environment=environment, log=log) as process:
        process.wait_for_log("Ctrl-C ends it", timeout_seconds=2 * PATIENCE_SECONDS)
        started = set(family(process.pid))
        process.signal(signal.SIGINT)
        exit_code = process.wait()
        left = {pid for pid in started if Path(f"/proc/{pid}").exists()}
        web_log = Path(environment["VAR_DIR"], "log", "web.log").read_text()
        return Run(process.log(), web_log=web_log, started=started, left=left, exit_code=exit_code)


def manage(*arguments: str, environment: dict[str, str], log: Path) -> None:
    """Run a management command to its end."""
    process = Process("manage.py", *arguments, environment=environment, log=log)
    assert process.wait() == 0, process.log()
    process.end()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The first run and the second, in one folder; staff add credits and change the shop between them."""
    folder = tmp_path_factory.mktemp("demo")
    (port,) = free_ports(1)
    environment = {
        **service_environment(database_url="", broker_url="", credit_api_external_port=str(port)),
        "VAR_DIR": str(folder / "var"),
    }
    log = folder / "manage.log"
    manage("migrate", "--verbosity", "0", environment=environment, log=log)
    first = play(environment=environment, log=folder / "first.log")
    adjusting = ("account", "adjust", MERCHANT_ID, "5000", "--reason", "goodwill", "--yes")
    manage(*adjusting, environment=environment, log=log)
    moving = ("account", "shop", MERCHANT_ID, "--reason", "moved", "--platform", "bigcommerce", "--shop-id", "7")
    manage(*moving, "--domain", MOVED_TO, environment=environment, log=log)
    return first, play(environment=environment, log=folder / "second.log")


def test_the_story_is_told_in_order_with_every_outcome(runs: tuple[Run, Run]) -> None:
    outcomes = runs[0].outcomes

    assert outcomes[:2] == ["posted, balance 0", "posted, balance 500"]
    assert outcomes[2:6] == CHAPTER
    assert outcomes[-10:-3] == ENDING
    assert outcomes[-3] == "as the first time: posted, balance 550"
    assert outcomes[-2].startswith("parked, idempotency_conflict")
    assert outcomes[-1].startswith("parked, invalid_field: credits")


def test_what_follows_from_it_is_shown_as_it_happens(runs: tuple[Run, Run]) -> None:
    events = runs[0].events

    for event_type in TOLD:
        assert f"evt.credits.{event_type}.v1" in events
    assert re.search(r"\d+ events of \d+–\d+  evt.credits.consumed.v1", runs[0].printed)


def test_the_apis_answer_agrees_with_the_story(runs: tuple[Run, Run]) -> None:
    answer = runs[0].answer

    assert (answer["balance"], answer["total_granted"], answer["total_consumed"]) == (160, 780, 590)
    assert "curl -H 'Authorization: Bearer " in runs[0].printed
    assert "/admin/" in runs[0].printed


@pytest.mark.django_db
def test_staffs_roles_are_there_to_choose_from() -> None:
    create_staff()

    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)


def test_it_answers_on_this_machine_alone(runs: tuple[Run, Run]) -> None:
    for run in runs:
        (listening,) = re.findall(r"Listening at: http://([\d.]+):", run.web_log)
        assert listening == "127.0.0.1"


def test_the_second_run_goes_on_where_the_first_and_staff_left_off(runs: tuple[Run, Run]) -> None:
    second = runs[1]

    assert "The books are where they were left: 5160 credits" in second.printed
    assert second.outcomes[0].startswith("unchanged")
    assert second.outcomes[1] == "as the first time: posted, balance 500"
    assert second.outcomes[2] == "posted, balance 5210"
    assert second.answer["balance"] == 160


def test_what_staff_have_added_is_consumed_at_once(runs: tuple[Run, Run]) -> None:
    assert runs[1].outcomes[6] == "posted, balance 600"
    assert runs[1].outcomes[-10:-3] == ENDING


def test_the_api_is_asked_for_the_shop_that_the_account_has_now(runs: tuple[Run, Run]) -> None:
    assert "-H 'X-Shop-Platform: bigcommerce' -H 'X-Shop-Domain: moved.example.com'" in runs[1].printed


def test_ctrl_c_leaves_no_process_behind(runs: tuple[Run, Run]) -> None:
    for run in runs:
        assert len(run.started) > len(commands())
        assert run.left == set()
        assert run.exit_code == 0


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path, embedded: dict[str, str]) -> None:
    environment = {**embedded, "VAR_DIR": str(tmp_path / "var")}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["CREDIT_API_EXTERNAL_PORT"])))
        taken.listen()
        with demonstration(environment=environment, log=tmp_path / "demo.log") as process:
            assert process.wait() == 1
            assert "CREDIT_API_EXTERNAL_PORT" in process.log()
