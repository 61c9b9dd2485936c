"""A running service: its processes as the Procfile names them, its environment, its books."""

import secrets
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from creditsvc.environment import BASE_DIR
from tests.e2e.books import Books
from tests.processes import Process, in_this_environment
from tests.secrets import watch

READY = {"beat": r"is starting", "web": r"Booting worker"}
WORKER_READY = r"ready\."
WARM_STOP_SECONDS = 10.0
MANAGE_SECONDS = 60.0


class Service:
    """One instance of the service: a database, a broker, and the processes that are started of it."""

    def __init__(
        self,
        *,
        broker: str,
        environment: Mapping[str, str],
        folder: Path,
        broker_url: str | None = None,
        deployer_url: str | None = None,
    ) -> None:
        """broker_url is for all who are not the service, deployer_url declares; without them the service's own is."""
        self.broker = broker
        self.broker_url = broker_url or environment["BROKER_URL"]
        self.deployer_url = deployer_url or environment["BROKER_URL"]
        self.environment = {**environment, "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")}
        self.folder = folder
        self.name = secrets.token_hex(4)
        self.books = Books(database_url=environment["DATABASE_URL"])
        self.processes: dict[str, Process] = {}

    @property
    def has_exchanges(self) -> bool:
        """Whether bindings are seen by every process, which the embedded broker can't do."""
        return self.broker != "embedded"

    def start(self, *names: str) -> None:
        """Start processes of the Procfile, all at once, and wait until they are ready."""
        for name in names:
            if name in self.processes:
                self.processes[name].end()
            log = self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*.log')))}.log"
            self.processes[name] = Process(*self.command(name), environment=self.environment, log=log)
        for name in names:
            self.processes[name].wait_for_log(READY.get(name, WORKER_READY))

    def stop(self, *names: str) -> None:
        """Stop processes warmly, all at once, and wait until they have ended."""
        for name in names:
            self.processes[name].signal(signal.SIGTERM)
        for name in names:
            self.processes[name].wait()

    def sleep(self) -> None:
        """Have it do nothing of itself until wake(): without beat no sweep starts. Without a server its workers ask."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Have its processes go on where they were."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for name, process in self.processes.items():
            if name == "beat" or self.broker == "embedded":
                process.signal(number)

    def command(self, name: str) -> list[str]:
        """A line of the Procfile, with names and files of this instance's own; consume.2 is a second one of consume."""
        lines = dict(line.split(": ", 1) for line in (BASE_DIR / "Procfile").read_text().splitlines() if line)
        line, _, number = name.partition(".")
        program, *arguments = shlex.split(lines[line])
        own = ["--schedule", str(self.folder / "schedule")] if name == "beat" else []
        return [Path(program).name, *(part.replace("@%h", f"{number}@{self.name}") for part in arguments), *own]

    def node_name(self, name: str) -> str:
        """The name by which a worker answers, such as grants@1a2b3c4d."""
        return f"{name}@{self.name}"

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` with this instance's environment; what it printed and its exit code."""
        return self.run("manage.py", *arguments)

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end with this instance's environment, some of its settings replaced."""
        environment = {**self.environment, **settings}
        ran = subprocess.run(
            in_this_environment(command),
            cwd=BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=MANAGE_SECONDS,
        )
        watch.text(command, ran.stdout + ran.stderr, environment)
        return ran

    def deploy(self) -> None:
        """Declare the topology, as a deployment does before the workers start."""
        declared = self.run("manage.py", "declare_topology", BROKER_URL=self.deployer_url)
        assert declared.returncode == 0, declared.stderr

    def audit(self) -> None:
        """Have the books walked; fails with what is wrong in them."""
        audited = self.manage("audit")
        assert audited.returncode == 0, audited.stdout + audited.stderr

    def end(self) -> None:
        """Nothing of it runs afterwards."""
        for process in self.processes.values():
            process.end()


@contextmanager
def running(service: Service, *names: str) -> Iterator[Service]:
    """The service with these processes; its books are right when the block ends, and its workers alive."""
    try:
        service.deploy()
        service.start(*names)
        yield service
        for name in names:
            process = service.processes[name]
            assert process.exit_code is None, f"{name} has died:\n{process.log_tail()}"
        service.audit()
    finally:
        service.end()
