"""python -m tests.servers run: takes what it is given, starts what is missing, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from creditsvc.environment import BASE_DIR
from tests.processes import Process, eventually
from tests.servers import install

pytestmark = pytest.mark.slow

GIVEN = {
    "TEST_DATABASE_URL": "postgresql://given.example/db",
    "TEST_RABBITMQ_URL": "amqp://given.example/",
    "TEST_RABBITMQ_MANAGEMENT_URL": "http://given.example:15672",
    "TEST_REDIS_URL": "redis://given.example/0",
}
WITHOUT_REDIS = {name: value for name, value in GIVEN.items() if name != "TEST_REDIS_URL"}
SHOW_AND_WAIT = 'echo "url=$TEST_REDIS_URL"; exec sleep 300'


def environment(variables: dict[str, str]) -> dict[str, str]:
    """This process's environment with these TEST_* variables and no others."""
    return {name: value for name, value in os.environ.items() if name not in GIVEN} | variables


def run(*command: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.servers", "run", "--", *command],
        env=environment(variables),
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def redis_answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def test_servers_that_are_given_are_taken() -> None:
    result = run("env", variables=GIVEN)

    assert GIVEN.items() <= dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line).items()


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_the_commands_exit_code_is_handed_on(script: str, code: int) -> None:
    result = run("/bin/sh", "-c", script, variables=GIVEN)

    assert result.returncode == code


def test_a_broker_without_its_management_api_is_refused_in_one_line() -> None:
    result = run("env", variables={"TEST_RABBITMQ_URL": "amqp://given.example/"})

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "TEST_RABBITMQ_MANAGEMENT_URL" in result.stderr


def test_what_can_not_be_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(install.FINDERS, "redis-server", lambda: None)
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(install.CannotInstall, match=r"install redis-server, or set .*TEST_REDIS_URL"):
        install.require(["redis-server"])


@pytest.mark.servers
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_server_ends_with_the_runner_that_started_it(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.servers", "run", "--", "/bin/sh", "-c", SHOW_AND_WAIT]
    runner = Process(*command, environment=environment(WITHOUT_REDIS), log=tmp_path / "log")
    url = runner.wait_for_log("url=(redis:.*)")[1]
    assert redis_answers(url)

    runner.signal(number)
    runner.wait()

    eventually(lambda: not redis_answers(url), timeout_seconds=10, what="the end of Redis")
    runner.end()
