"""Processes under test: their ends are seen, their logs are told, and nothing of them outlives a test."""

import os
import signal
from pathlib import Path

import pytest

from tests.processes import Process, eventually, service_environment
from tests.servers.process_tree import is_running


def shell(script: str, log: Path) -> Process:
    return Process("/bin/sh", "-c", script, environment=os.environ, log=log)


def test_all_that_a_process_started_ends_with_it(tmp_path: Path) -> None:
    process = shell("sleep 300 & echo child $!; wait", tmp_path / "log")
    child = int(process.wait_for_log(r"child (\d+)")[1])

    process.end()

    assert not is_running(child)


def test_what_a_process_left_behind_ends_with_the_test(tmp_path: Path) -> None:
    process = shell("sleep 300 & echo child $!", tmp_path / "log")
    child = int(process.wait_for_log(r"child (\d+)")[1])
    process.wait()

    process.end()

    assert not is_running(child)


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -TERM $$", -signal.SIGTERM)])
def test_a_process_tells_how_it_ended(script: str, code: int, tmp_path: Path) -> None:
    process = shell(script, tmp_path / "log")

    assert process.wait() == code

    process.end()


def test_waiting_for_a_log_line_ends_with_the_process_and_shows_its_log(tmp_path: Path) -> None:
    process = shell("echo no such queue; exit 1", tmp_path / "log")

    with pytest.raises(AssertionError, match=r"ended with 1 .*\n.*no such queue"):
        process.wait_for_log("ready")

    process.end()


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="TRAIL_CREDITS"):
        service_environment(database_url="sqlite://", broker_url="memory://", trail_credits="5")


def test_the_developers_settings_do_not_reach_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAL_CREDITS", "7")

    environment = service_environment(database_url="sqlite://", broker_url="memory://")

    assert "TRIAL_CREDITS" not in environment


def test_what_does_not_happen_in_time_is_told_with_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match="a balance; last seen: 0"):
        eventually(lambda: 0, timeout_seconds=0.1, what="a balance")


def test_the_tail_of_a_long_log_is_its_last_lines(tmp_path: Path) -> None:
    process = shell("seq 1 100000", tmp_path / "log")
    process.wait()

    tail = process.log_tail().splitlines()

    process.end()
    assert (len(tail), tail[0], tail[-1]) == (60, "99941", "100000")
