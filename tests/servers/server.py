"""What the private servers share: a folder, a process tree, waiting until it answers, killing, restarting."""

import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.servers.last_will import LastWill
from tests.servers.process_tree import is_running, kill_tree

LOG_TAIL_LINES = 30
POLL_SECONDS = 0.05


class ServerFailed(Exception):
    """A private server ended, or did not answer in time; the message carries the end of its log."""


class Server(ABC):
    """One private server. It lives from start() to stop(), or as long as the with block; restart() keeps its data."""

    name: ClassVar[str]
    ready_within_seconds: ClassVar[float] = 60.0

    def __init__(self, *, within: Path | None = None) -> None:
        """within is where its folder is made; the system's own place for such, unless told otherwise."""
        self._within = within
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._last_will: LastWill | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers, with user and password."""

    @abstractmethod
    def _prepare(self) -> None:
        """Write what the server needs into its folder, once."""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """The command line that runs the server in the foreground."""

    @abstractmethod
    def _environment(self) -> Mapping[str, str]:
        """Its whole environment: nothing of the caller's reaches it unasked."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether a client gets an answer now."""

    @property
    def folder(self) -> Path:
        if self._folder is None:
            raise ServerFailed(f"{self.name} has not been started")
        return self._folder

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerFailed(f"{self.name} has not been started")
        return self._process.pid

    @property
    def log(self) -> Path:
        """What it has printed so far."""
        return self.folder / "server.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers. Raises ServerFailed, with nothing left behind."""
        try:
            self.launch()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Start it without waiting, so that several come up side by side."""
        self._folder = Path(tempfile.mkdtemp(prefix=f"credits-{self.name}-", dir=self._within))
        self._last_will = LastWill(folder=self._folder)
        self._prepare()
        self._spawn()

    def wait_until_ready(self) -> None:
        """Return when it answers. Raises ServerFailed where it ended, or takes longer than ready_within_seconds."""
        deadline = time.monotonic() + self.ready_within_seconds
        while not self._answers():
            if self._process is None or not is_running(self._process.pid):
                raise ServerFailed(f"{self.name} ended while it started:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} gave no answer in {self.ready_within_seconds} s:\n{self._log_tail()}")
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """SIGKILL all of its processes, as a crash would; its data stays. Does nothing where it is not running."""
        if self._process is not None:
            kill_tree(self._process.pid)
            self._process.wait()
            self._process = None
        if self._last_will is not None:
            self._last_will.covers_nothing()

    def restart(self) -> None:
        """Kill it and start it again: same port, same data."""
        self.kill()
        self._spawn()
        self.wait_until_ready()

    def stop(self) -> None:
        """End it and remove its folder. May be called at any time, and again."""
        if self._process is not None:
            self._shut_down(self._process)
        Server.kill(self)
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None
        if self._last_will is not None:
            self._last_will.close()
            self._last_will = None

    def _shut_down(self, process: subprocess.Popen[bytes]) -> None:  # noqa: B027  (most need nothing of the kind)
        """Let it end by itself, unreaped, before it is killed, where it would leave something behind."""

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=dict(self._environment()),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the one who started it, who then stops it in order
            )
        if self._last_will is not None:
            self._last_will.covers(group=self._process.pid)

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])
