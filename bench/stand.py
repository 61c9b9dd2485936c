"""The stand: private servers as durable as in production, a database and a virtual host of its own per measurement."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from bench import merchants
from tests.processes import Process, service_environment
from tests.servers import PostgreSQL, RabbitMQ
from tests.servers.management import VirtualHost

TEMPLATE = "books"
SECRET = "bench-0123456789-abcdefghijklmnopqrstuvwxyz"
STOP_WITHIN_SECONDS = 60.0
RUN_WITHIN_SECONDS = 7_200.0  # to make ten million rows and to audit them takes a while


class Stand:
    """PostgreSQL with fsync and synchronous_commit on, RabbitMQ, and a folder for logs, from start to end."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = count(1)
        self._templates: set[str] = set()
        self.postgresql = PostgreSQL.for_benchmarks()
        self.rabbitmq = RabbitMQ()

    def __enter__(self) -> Self:
        with ExitStack() as started:
            self.folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="credits-bench-")))
            for server in (self.postgresql, self.rabbitmq):
                started.callback(server.stop)
                server.launch()
            self.postgresql.wait_until_ready()
            self._build_template(TEMPLATE, "bench.open_accounts")
            self.rabbitmq.wait_until_ready()
            self._stack = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def database(self, *, template: str = TEMPLATE, read_only: bool = False) -> Iterator[str]:
        """A database with the merchants of bench.merchants, each with credits to spend; its URL.

        Templates are audited as they are made, so what nobody can write to has the right books.
        """
        with self._database(template=template, read_only=read_only) as url:
            yield url

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """A database without any table; its URL."""
        with self._database(template="template0") as url:
            yield url

    @contextmanager
    def _database(self, *, template: str, read_only: bool = False) -> Iterator[str]:
        name = f"bench_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        if read_only:
            self._execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        self._execute("CHECKPOINT")  # or its cost falls on whoever is measured next
        try:
            yield self._url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def virtual_host(self) -> Iterator[VirtualHost]:
        """An empty virtual host."""
        with self.rabbitmq.management.virtual_host(name=f"bench-{next(self._numbers)}") as host:
            yield host

    def environment(self, *, database_url: str, broker_url: str) -> dict[str, str]:
        """The environment of a process of the service: production's defaults, nothing of the developer's."""
        metrics = self.folder / f"metrics-{next(self._numbers)}"
        metrics.mkdir()
        environment = service_environment(
            database_url=database_url,
            broker_url=broker_url,
            client_jwt_secret=SECRET,
            secret_key=SECRET,
            logging_format="json",
            prometheus_multiproc_dir=str(metrics),
        )
        programs = Path(sys.executable).parent  # the Procfile names programs without saying where they are
        return {**environment, "PATH": f"{programs}{os.pathsep}{environment['PATH']}"}

    @contextmanager
    def running(self, *commands: tuple[str, ...], environment: Mapping[str, str]) -> Iterator[list[Process]]:
        """Processes of the project, killed when the block ends. Where it fails, their logs' ends go with the error."""
        with ExitStack() as stack:
            processes: list[Process] = []
            for command in commands:
                log = self.folder / f"{next(self._numbers)}-{Path(command[0]).name}.log"
                process = Process(*command, environment=environment, log=log)
                stack.callback(process.end)
                processes.append(process)
            try:
                yield processes
            except Exception as error:
                for process in processes:
                    error.add_note(f"The log of {' '.join(process.command)} ends:\n{process.log_tail()}")
                raise

    def run(self, *command: str, environment: Mapping[str, str]) -> str:
        """Run a command to its end; returns what it printed. Raises AssertionError with that where it fails."""
        with self.running(command, environment=environment) as (process,):
            code = process.wait(timeout_seconds=RUN_WITHIN_SECONDS)
            assert code == 0, f"{' '.join(command)} ended with {code}:\n{process.log_tail()}"
            return process.log()

    def template_with_history(self, rows: int, *, accounts: int = merchants.COUNT) -> str:
        """The name of a template whose first accounts have so many transactions between them.

        Made when first asked for.
        """
        name = f"{TEMPLATE}_{rows}_{accounts}"
        if name not in self._templates:
            self._build_template(name, "bench.fill", str(rows), str(accounts))
        return name

    def _build_template(self, name: str, *filling: str) -> None:
        self._execute(f"CREATE DATABASE {name}")
        environment = self.environment(database_url=self._url(name), broker_url="memory://")
        self.run("manage.py", "migrate", "--verbosity", "0", environment=environment)
        self.run("python", "-m", *filling, environment=environment)
        self._execute("VACUUM ANALYZE", database=name)
        self.run("manage.py", "audit", environment=environment)
        self._templates.add(name)

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self.postgresql.url)._replace(path=f"/{name}"))

    def _execute(self, statement: str, *, database: str = "postgres") -> None:
        with closing(psycopg2.connect(self._url(database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
