"""gunicorn as the Procfile starts it: serves, logs as all others do, ends gracefully."""

import json
import signal
import urllib.request

import pytest

from tests.creditsvc.procfile import commands
from tests.fixtures.processes import RunProcess
from tests.processes import eventually
from tests.servers.process_tree import family


def answer_of(port: str) -> int | None:
    """The status that /health answers with, or None as long as nobody does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return int(answer.status)
    except OSError:
        return None


@pytest.mark.slow
def test_the_web_server_answers_and_ends_with_nothing_left_running(
    embedded: dict[str, str], run_process: RunProcess
) -> None:
    web = run_process(*commands()["web"], environment=embedded)

    assert eventually(lambda: answer_of(embedded["CREDIT_API_EXTERNAL_PORT"])) == 200
    assert len(set(family(web.pid))) == 2
    web.signal(signal.SIGTERM)

    assert web.wait() == 0
    assert family(web.pid) == []
    lines = [json.loads(line) for line in web.log().splitlines()]
    assert lines[0]["event"].startswith("Starting gunicorn")
    assert lines[-1]["event"] == "Shutting down: Master"
