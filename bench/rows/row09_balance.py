"""Row 9: the balance over HTTP against a bare FastAPI."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from bench import procfile, web_load
from bench.row import Pair, Row, Wrong
from bench.stand import Stand
from tests.processes import eventually
from tests.servers.ports import free_ports

SECONDS = 10
REFERENCE = (".venv-bench/bin/uvicorn", "bench.reference.balance:app", "--no-access-log", "--log-level", "warning")


def turn(stand: Stand, scale: float) -> Pair:
    """The service as the Procfile starts it, then as many processes of the reference, over one database."""
    web_load.require_generator()
    with stand.database() as database_url:
        environment = stand.environment(database_url=database_url, broker_url="memory://")
        load = Load(stand, environment, seconds=max(1, round(SECONDS * scale)))
        served = load.on_service()
        bare = load.on_reference()
        stand.run("manage.py", "audit", environment=environment)
    return Pair(served, bare)


class Load:
    """One turn: the same load on both servers, and both answers compared."""

    def __init__(self, stand: Stand, environment: Mapping[str, str], *, seconds: int) -> None:
        self._stand = stand
        self._environment = environment
        self._seconds = seconds
        self._shops = stand.folder / "shops.txt"
        web_load.write_shops(self._shops)
        self._processes = 0
        self._answer: Any = None

    def on_service(self) -> float:
        """Answers per second of the service."""
        (port,) = free_ports(1)
        environment = {**self._environment, "CREDIT_API_EXTERNAL_PORT": str(port)}
        with self._stand.running(procfile.web(), environment=environment) as (server,):
            self._answer = answer_of(port)
            self._processes = children_of(server.pid)
            return web_load.per_second(url(port), self._shops, seconds=self._seconds)

    def on_reference(self) -> float:
        """Answers per second of as many processes of the reference. Raises Wrong where it answers something else."""
        (port,) = free_ports(1)
        command = (*REFERENCE, "--port", str(port), "--workers", str(self._processes))
        with self._stand.running(command, environment=self._environment):
            answer = answer_of(port)
            if shape(answer) != shape(self._answer):
                raise Wrong(f"the answers differ: {self._answer} and {answer}")
            return web_load.per_second(url(port), self._shops, seconds=self._seconds)


def children_of(pid: int) -> int:
    """How many processes serve under this one."""
    return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def answer_of(port: int) -> Any:
    """What the server answers for one shop, once it is up."""

    def answer() -> Any:
        try:
            return web_load.read_credits(url(port), 7)
        except HTTPError as refusal:
            raise Wrong(f"the web server answered {refusal.code}: {refusal.read()!r}") from None
        except OSError:
            return None  # it does not listen yet

    return eventually(answer, what="an answer of the web server")


def shape(answer: Any) -> Any:
    """All of an answer but the values that differ from request to request."""
    return {**answer, "meta": answer["meta"].keys()}


row = Row(
    number="9",
    what="`GET /api/credits` answered, web as the Procfile starts it, 1,000 shops' tokens in turn",
    against="bare FastAPI + asyncpg, uvicorn[standard], same work, same JSON, as many processes",
    unit="requests/s",
    turn=turn,
    at_least=0.6,
)
