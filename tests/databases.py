"""Databases of a test run's own: migrated once into a template, cloned for whoever needs one, dropped after use."""

import fcntl
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from django.core.management import call_command
from django.db import connections
from psycopg2 import sql

from creditsvc.settings import database


class Databases(ABC):
    """The databases of one test run, shared by its processes; `run` is a name that no other run has.

    `folder` is one that all processes of the run share, for their locks.
    """

    def __init__(self, *, run: str, folder: Path) -> None:
        self._template = f"credits_{run}_template"
        self._run = run
        self._building = folder / f"{self._template}.building"
        self._users = folder / f"{self._template}.users"

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The last process of the run to leave this block drops the template."""
        with self._users.open("w") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            yield
            with suppress(BlockingIOError):  # another process still holds its share
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._drop(self._template)

    @contextmanager
    def clone(self, *, name: str) -> Iterator[str]:
        """A migrated, empty database, its URL; dropped when the block ends, whoever is still connected."""
        self._ensure_template()
        clone = f"credits_{self._run}_{name}"
        self._copy(self._template, clone)
        try:
            yield self._url(clone)
        finally:
            self._drop(clone)

    def _ensure_template(self) -> None:
        with self._building.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not self._exists(self._template):
                self._build_template()

    def _build_template(self) -> None:
        """Migrate under another name first: a template that exists is complete."""
        unfinished = f"{self._template}_unfinished"
        self._drop(unfinished)
        self._create(unfinished)
        with default_connection_to(self._url(unfinished)):
            call_command("migrate", verbosity=0)
        self._rename(unfinished, self._template)

    @abstractmethod
    def _url(self, name: str) -> str: ...

    @abstractmethod
    def _exists(self, name: str) -> bool: ...

    @abstractmethod
    def _create(self, name: str) -> None: ...

    @abstractmethod
    def _copy(self, source: str, name: str) -> None: ...

    @abstractmethod
    def _rename(self, source: str, name: str) -> None: ...

    @abstractmethod
    def _drop(self, name: str) -> None: ...


class PostgresqlDatabases(Databases):
    """Databases beside the one that `server_url` names, made by its user."""

    def __init__(self, *, server_url: str, run: str, folder: Path) -> None:
        super().__init__(run=run, folder=folder)
        self._server_url = server_url

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server_url)._replace(path=f"/{name}"))

    def _exists(self, name: str) -> bool:
        with closing(psycopg2.connect(self._server_url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return cursor.fetchone() is not None

    def _create(self, name: str) -> None:
        self._execute("CREATE DATABASE {}", name)

    def _copy(self, source: str, name: str) -> None:
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, source)

    def _rename(self, source: str, name: str) -> None:
        self._execute("ALTER DATABASE {} RENAME TO {}", source, name)

    def _drop(self, name: str) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _execute(self, statement: str, *names: str) -> None:
        with closing(psycopg2.connect(self._server_url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


class SqliteDatabases(Databases):
    """Database files in the folder."""

    def __init__(self, *, run: str, folder: Path) -> None:
        super().__init__(run=run, folder=folder)
        self._folder = folder

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite3"

    def _url(self, name: str) -> str:
        return f"sqlite:///{self._file(name)}"

    def _exists(self, name: str) -> bool:
        return self._file(name).exists()

    def _create(self, name: str) -> None:
        self._file(name).touch()

    def _copy(self, source: str, name: str) -> None:
        shutil.copyfile(self._file(source), self._file(name))

    def _rename(self, source: str, name: str) -> None:
        self._file(source).rename(self._file(name))

    def _drop(self, name: str) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{self._file(name)}{suffix}").unlink(missing_ok=True)


@contextmanager
def default_connection_to(url: str) -> Iterator[None]:
    """Have Django's default connection, of every thread that opens one, lead to another database of the same kind."""
    settings = connections.settings["default"]
    before = settings["NAME"]
    connections["default"].close()
    settings["NAME"] = database(url)["NAME"]
    try:
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = before
