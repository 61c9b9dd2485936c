"""pytest-celery's nodes wrapped round processes of this machine, where the plugin would start containers."""

import signal as signals
from typing import Any

from pytest_celery import CeleryTestContainer

from tests.e2e.service import Service
from tests.processes import Process


class LocalServer(CeleryTestContainer):
    """A broker or a result backend that runs already: its URL is all that Celery needs of it."""

    def __init__(self, *, name: str, url: str) -> None:
        self._name = name
        self._url = url

    @property
    def name(self) -> str:
        return self._name

    @property
    def id(self) -> str:
        return self._name

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {"url": self._url, "host_url": self._url}

    def ready(self) -> bool:
        return True

    def logs(self) -> str:
        return ""

    def teardown(self) -> None:
        """The server is not ours to end."""


class LocalWorker(LocalServer):
    """One worker of a running service."""

    def __init__(self, *, service: Service, name: str) -> None:
        super().__init__(name=service.node_name(name), url=service.broker_url)
        self.service = service
        self.process_name = name

    @property
    def process(self) -> Process:
        return self.service.processes[self.process_name]

    @property
    def status(self) -> str:
        return "running" if self.process.exit_code is None else "exited"

    def ready(self) -> bool:
        return self.status == "running"

    def logs(self) -> str:
        return self.process.log()

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Send the worker's process a signal, by its name or number, and wait until it has ended."""
        number = signals.Signals[signal] if isinstance(signal, str) else signals.Signals(signal)
        self.process.signal(number)
        self.process.wait()

    def reload(self) -> None:
        """There is nothing to look up again: the process is asked each time."""

    def restart(self, timeout: float = 0) -> None:
        """Start the worker anew, whatever has become of it."""
        self.service.start(self.process_name)

    def worker_name(self) -> str:
        return self.process_name

    def worker_queue(self) -> str:
        return f"credits.{self.process_name}"
