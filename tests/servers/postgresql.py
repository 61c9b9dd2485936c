"""A private PostgreSQL cluster."""

import os
import pwd
import re
import secrets
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psycopg2

from tests.servers.ports import free_ports
from tests.servers.process_tree import is_running
from tests.servers.server import POLL_SECONDS, Server

PACKAGE = "postgresql"
USER = "credits"
SHUT_DOWN_WITHIN_SECONDS = 15.0

# A commit is written to the system before it is answered and so survives a killed server, but not a power cut.
FOR_TESTS = {"fsync": "off", "full_page_writes": "off"}
# What a production server has: an answered commit is on the disk.
FOR_BENCHMARKS = {
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "track_commit_timestamp": "on",  # latency is measured to the commit
}


def find_binaries() -> Path | None:
    """The folder with initdb and postgres, of the newest version where Debian has several; None: not installed."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda folder: [int(part) for part in re.findall(r"\d+", folder.parent.name)],
    )
    on_path = [Path(part) for part in os.get_exec_path()]
    complete = (f for f in [*reversed(folders), *on_path] if (f / "initdb").exists() and (f / "postgres").exists())
    return next(complete, None)


class PostgreSQL(Server):
    """A PostgreSQL cluster, run as the user postgres where we are root, which it refuses to be."""

    name = "postgresql"

    def __init__(self, *, settings: Mapping[str, str], within: Path | None = None) -> None:
        super().__init__(within=within)
        self.port = free_ports(1)[0]
        self._password = secrets.token_hex(16)
        self._settings = settings

    @classmethod
    def for_tests(cls, *, within: Path | None = None) -> Self:
        """Fast; keeps what it answered when it is killed."""
        return cls(settings=FOR_TESTS, within=within)

    @classmethod
    def for_benchmarks(cls) -> Self:
        """As durable as in production."""
        return cls(settings=FOR_BENCHMARKS)

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/postgres"

    def _prepare(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            for made_here in (self.folder, password_file):
                os.chown(made_here, owner.pw_uid, owner.pw_gid)

    def _command(self) -> Sequence[str]:
        binaries = find_binaries()
        if binaries is None:
            raise FileNotFoundError(f"PostgreSQL is not installed: apt-get install {PACKAGE}")
        initdb = [
            *(str(binaries / "initdb"), "--pgdata=data", f"--username={USER}", "--pwfile=password", "--no-sync"),
            *("--auth-host=scram-sha-256", "--auth-local=reject", "--encoding=UTF8", "--locale=C"),
        ]
        script = f"[ -e data/PG_VERSION ] || {shlex.join(initdb)} && exec {shlex.join(self._postgres(binaries))}"
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        return [*as_user, "/bin/sh", "-c", script]

    def _postgres(self, binaries: Path) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "synchronous_commit": "on",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries / "postgres"), "-D", "data", *options]

    def _environment(self) -> Mapping[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    def stop_at_once(self) -> None:
        """Stop it as `pg_ctl stop -m immediate` does; restart() brings it back."""
        if self._process is not None:
            self._shut_down(self._process)

    def _shut_down(self, process: subprocess.Popen[bytes]) -> None:
        """At once, without a checkpoint: killed, it would leave its shared memory segment to the machine."""
        process.send_signal(signal.SIGQUIT)
        deadline = time.monotonic() + SHUT_DOWN_WITHIN_SECONDS
        while is_running(process.pid) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
