"""Reading: one caller asks the web server, as the Procfile starts it, for several things in turn and takes the time."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import median
from typing import Any

from bench import merchants, procfile, web_load
from bench.row import Wrong
from bench.stand import Stand
from tests.processes import Process, eventually
from tests.servers.ports import free_ports

WARM_UP_ROUNDS = 20  # so that each thread of each process has connected, and has prepared what it asks
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Reader:
    """A caller with its headers, on one connection that is kept."""

    connection: HTTPConnection
    headers: Mapping[str, str]
    server: Process

    def bytes_of(self, path: str) -> bytes:
        """The body of the answer. Raises Wrong where it is no success."""
        self.connection.request("GET", path, headers=dict(self.headers))
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise Wrong(f"{path} was answered {response.status}: {body[:300]!r}")
        return body

    def json_of(self, path: str) -> Any:
        """The answer, read."""
        return json.loads(self.bytes_of(path))

    def microseconds(
        self, asked: Sequence[Iterator[str]], *, rounds: int, warm_up: int = WARM_UP_ROUNDS
    ) -> list[float]:
        """The median time of the answers to each series of paths; by turns, so that what slows one slows the others."""
        self.connection.close()  # opened anew: the server ends one that has said nothing for two seconds
        for _ in range(warm_up):
            for paths in asked:
                self.bytes_of(next(paths))
        taken: list[list[float]] = [[] for _ in asked]
        for _ in range(rounds):
            for paths, times in zip(asked, taken, strict=True):
                path = next(paths)
                started = time.perf_counter()
                self.bytes_of(path)
                times.append(time.perf_counter() - started)
        return [median(times) * MICROSECONDS for times in taken]


def shop(number: int) -> dict[str, str]:
    """The headers with which the BFF asks for one merchant's shop."""
    return {
        "Authorization": f"Bearer {web_load.token(number)}",
        "X-Shop-Platform": merchants.PLATFORM,
        "X-Shop-Domain": merchants.domain(number),
    }


@contextmanager
def reading(stand: Stand, environment: Mapping[str, str], headers: Mapping[str, str]) -> Iterator[Reader]:
    """Start the web server and give a reader of it once it answers."""
    (port,) = free_ports(1)
    with stand.running(procfile.web(), environment={**environment, "CREDIT_API_EXTERNAL_PORT": str(port)}) as (server,):
        connection = HTTPConnection("127.0.0.1", port, timeout=120)
        reader = Reader(connection, headers, server)
        eventually(lambda: _is_up(reader), what="an answer of the web server")
        yield reader
        connection.close()


def _is_up(reader: Reader) -> bool:
    try:
        return bool(reader.bytes_of("/health"))
    except OSError:  # it does not listen yet
        reader.connection.close()
        return False
