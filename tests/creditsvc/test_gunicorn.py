"""gunicorn as the Procfile starts it: serves, logs as all others do, ends gracefully."""

import json
import os
import signal
import socket
import sys
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median

import pytest

from tests.creditsvc.procfile import commands
from tests.fixtures.processes import RunProcess
from tests.processes import eventually
from tests.servers.process_tree import family

CONNECTIONS, ROUNDS = 16, 7
ESTABLISHED = "01"  # in /proc/net/tcp


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


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_connections_that_come_at_once_are_shared_by_the_processes(
    embedded: dict[str, str], run_process: RunProcess
) -> None:
    web = run_process(*commands()["web"], environment=embedded)
    port = embedded["CREDIT_API_EXTERNAL_PORT"]
    eventually(lambda: answer_of(port))
    processes = set(family(web.pid))
    eventually(lambda: min(split_of_connections(processes, int(port))), what="both processes at work")

    fewest = [min(split_of_connections(processes, int(port))) for _ in range(ROUNDS)]

    # Whichever process was awake first used to take nearly all of them, in three rounds of four.
    assert median(fewest) >= CONNECTIONS // 4, fewest


def split_of_connections(processes: set[int], port: int) -> list[int]:
    """How many of so many new connections, kept open, each process has taken."""
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(CONNECTIONS)
        ]
        for connection in connections:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for connection in connections:
            assert connection.recv(12) == b"HTTP/1.1 200"
        served = inodes_of_connections(port)
        return [len(served & inodes_of(process)) for process in processes]


def inodes_of_connections(port: int) -> set[str]:
    """The server's ends of the connections to a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED}


def inodes_of(process: int) -> set[str]:
    """The sockets that a process holds."""
    links = []
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(link))
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}
