"""Liveness: a worker that is well, one that hangs, one that waits, one that has ended, and one that never was."""

import os
import signal
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from tasks.liveness import DEAD_AFTER_S, EVERY_S, main
from tests.creditsvc.procfile import commands
from tests.fixtures.processes import RunProcess
from tests.processes import Process, eventually, service_environment
from tests.servers.ports import free_ports

NAME = "consume@here"


def worker(run_process: RunProcess, environment: dict[str, str]) -> Process:
    """The Procfile's worker, by a name of our own."""
    return run_process(*(part.replace("@%h", "@here") for part in commands()["consume"]), environment=environment)


def verdict(file: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """What the probe answers for the worker of this file: its exit code, and what it prints."""
    settings.ALIVE_DIR = file.parent
    return main(file.name), capsys.readouterr().out.strip()


def file_in(environment: dict[str, str]) -> Path:
    return Path(environment["VAR_DIR"]) / "alive" / NAME


def grow_old(file: Path) -> None:
    """As if it had last been touched just too long ago."""
    then = time.time() - DEAD_AFTER_S - 1
    os.utime(file, (then, then))


def is_young(file: Path) -> bool:
    return time.time() - file.stat().st_mtime < DEAD_AFTER_S


def test_a_file_is_touched_several_times_before_it_is_old() -> None:
    assert EVERY_S * 3 < DEAD_AFTER_S


@pytest.mark.slow
def test_a_worker_is_alive_while_it_runs_not_while_it_hangs_and_not_once_it_has_ended(
    embedded: dict[str, str],
    run_process: RunProcess,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running = worker(run_process, embedded)
    running.wait_for_log(r"ready\.")
    file = file_in(embedded)

    grow_old(file)
    eventually(lambda: is_young(file), what="the loop to touch the file again")
    assert verdict(file, settings, capsys) == (0, f"{NAME} is alive")

    running.signal(signal.SIGSTOP)
    grow_old(file)
    assert verdict(file, settings, capsys) == (1, f"{NAME} is not alive")

    running.signal(signal.SIGCONT)
    eventually(lambda: is_young(file), what="the loop to touch the file again")
    running.signal(signal.SIGTERM)
    assert running.wait() == 0
    assert verdict(file, settings, capsys) == (1, f"{NAME} is not alive")


@pytest.mark.slow
def test_a_worker_that_waits_for_its_broker_is_alive(
    own_database: str, tmp_path: Path, run_process: RunProcess
) -> None:
    (port,) = free_ports(1)
    environment = service_environment(
        database_url=own_database, broker_url=f"amqp://127.0.0.1:{port}//", var_dir=str(tmp_path / "var")
    )
    waiting = worker(run_process, environment)
    waiting.wait_for_log("Cannot connect to")
    file = file_in(environment)

    grow_old(file)

    eventually(lambda: is_young(file), what="the file of a worker that waits")
    assert waiting.exit_code is None


@pytest.mark.slow
def test_a_worker_that_waits_for_migrations_is_alive(
    embedded_broker_url: str, tmp_path: Path, run_process: RunProcess
) -> None:
    environment = service_environment(
        database_url=f"sqlite:///{tmp_path}/empty.sqlite3",
        broker_url=embedded_broker_url,
        var_dir=str(tmp_path / "var"),
    )
    waiting = worker(run_process, environment)
    waiting.wait_for_log("waiting for the database.*migrations are not applied")
    file = file_in(environment)

    grow_old(file)

    eventually(lambda: is_young(file), what="the file of a worker that waits")
    waiting.signal(signal.SIGTERM)
    assert waiting.wait() == 0


@pytest.mark.parametrize(
    ("names", "answer"), [(["nobody@here"], "nobody@here is not alive"), ([], "usage: "), (["one", "two"], "usage: ")]
)
def test_the_probe_is_a_program_and_nobody_is_not_alive(
    run_process: RunProcess, tmp_path: Path, names: list[str], answer: str
) -> None:
    environment = service_environment(
        database_url="sqlite://:memory:", broker_url="memory://", var_dir=str(tmp_path / "var")
    )

    asked = run_process("python", "-m", "tasks.liveness", *names, environment=environment)

    assert asked.wait() == 1
    assert asked.log().startswith(answer)
