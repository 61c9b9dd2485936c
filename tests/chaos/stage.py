"""The stage: private servers, the proxies before them, and the crew, which has no more rights than it needs."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from redis import Redis as Client

import celeryconfig
from creditsvc.environment import BASE_DIR
from tests.broker_users import broker_users
from tests.chaos import disk
from tests.chaos.crew import Crew
from tests.chaos.listening import LISTENER
from tests.processes import in_this_environment, service_environment
from tests.proxy import Proxy
from tests.roles import apply_roles
from tests.servers import PostgreSQL, RabbitMQ, Redis, Server
from tests.servers.management import VirtualHost

# What is unacknowledged for so long comes back: half an hour elsewhere. Long enough for a busy machine's batches.
CONSUMER_TIMEOUT_MS = 20_000
IMPATIENT = f"[{{rabbit, [{{consumer_timeout, {CONSUMER_TIMEOUT_MS}}}, {{channel_tick_interval, 500}}]}}]."
FOR_EVER = "31536000"
QUEUES = [queue.name for queue in (*celeryconfig.task_queues, *celeryconfig.inbound_queues)]
SWEEPS = "credits.sweeps"
UNACKED = "unacked"  # where kombu keeps what a worker on Redis holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that can be broken. `broker_url` and `database_url` lead past the proxies."""

    broker: str
    postgresql: PostgreSQL
    rabbitmq: RabbitMQ | None
    redis: Redis
    before_database: Proxy
    before_broker: Proxy
    crew: Crew
    broker_url: str
    database_url: str
    disk: Path | None

    def execute(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """One statement as the database's owner, past the proxy; the rows that it gives."""
        with closing(psycopg2.connect(self.database_url, connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []

    def queues(self) -> dict[str, int]:
        """How many messages the broker holds, those in a worker's hands included; empty queues are left out.

        So are the sweeps: there is always a next one, and one that is lost is not missed.
        """
        held = _in_redis(self.redis.url) if self.rabbitmq is None else _in_rabbitmq(self.rabbitmq)
        return {name: count for name, count in held.items() if count and name not in (LISTENER.name, SWEEPS)}


def _in_rabbitmq(rabbitmq: RabbitMQ) -> dict[str, int]:
    lines = rabbitmq.control("list_queues", "--quiet", "--no-table-headers", "name", "messages").splitlines()
    return {name: int(count) for name, count in (line.split() for line in lines if line.strip())}


def _in_redis(url: str) -> dict[str, int]:
    with Client.from_url(url) as client:
        return {**{name: client.llen(name) for name in QUEUES}, UNACKED: client.hlen(UNACKED)}


@contextmanager
def stage(broker: str) -> Iterator[Stage]:
    """The servers and the crew, which is not started yet; broker is `rabbitmq` or `redis`."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="credits-chaos-")))
        limited = stack.enter_context(disk.limited())
        postgresql, redis = PostgreSQL.for_tests(within=limited), Redis.append_only()
        rabbitmq = RabbitMQ(advanced=IMPATIENT) if broker == "rabbitmq" else None
        servers: list[Server] = [postgresql, redis, *([rabbitmq] if rabbitmq else [])]
        for server in servers:
            stack.callback(server.stop)
            server.launch()
        for server in servers:
            server.wait_until_ready()
        broker_url = rabbitmq.url if rabbitmq else redis.url
        users = (
            broker_users(VirtualHost(management=rabbitmq.management, name="/", url=rabbitmq.url)) if rabbitmq else {}
        )
        before_broker = stack.enter_context(Proxy(users.get("service", broker_url)))
        migrate(postgresql.url, folder=folder)
        before_database = stack.enter_context(Proxy(apply_roles(postgresql.url)))
        environment = service_environment(
            database_url=before_database.url,
            broker_url=before_broker.url,
            result_backend_url=redis.url.replace("/0", "/1"),
            account_wait=FOR_EVER,
            logging_format="json",
            var_dir=str(folder / "var"),
        )
        crew = Crew(
            broker=broker,
            environment=environment,
            folder=folder,
            broker_url=broker_url,
            deployer_url=users.get("deployer", broker_url),
        )
        stack.callback(crew.end)
        crew.deploy()
        yield Stage(
            broker=broker,
            postgresql=postgresql,
            rabbitmq=rabbitmq,
            redis=redis,
            before_database=before_database,
            before_broker=before_broker,
            crew=crew,
            broker_url=broker_url,
            database_url=postgresql.url,
            disk=limited,
        )


def migrate(owner_url: str, *, folder: Path) -> None:
    """Make the tables, as their owner. Raises RuntimeError with what went wrong."""
    environment = service_environment(database_url=owner_url, broker_url="memory://", var_dir=str(folder / "var"))
    command = in_this_environment(("manage.py", "migrate", "--verbosity", "0"))
    done = subprocess.run(command, env=environment, cwd=BASE_DIR, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"migrate failed: {done.stderr}")
