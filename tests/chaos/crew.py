"""The crew: the service's processes, started as the Procfile says, and started again whenever one has ended."""

import re
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from threading import Event, RLock, Thread

from tests.chaos.points import CLOCK
from tests.e2e.service import WARM_STOP_SECONDS, Service
from tests.processes import Process

LOOK_EVERY_SECONDS = 0.2
HANGS_AFTER_SECONDS = 2 * WARM_STOP_SECONDS  # the machine is busy
LAST_WORDS = 25
UP = r"ready\.|beat is starting"
WORKERS = ("grants", "consume-1", "consume-2", "notifications")
LEDGER_WORKERS = ("grants", "consume-1", "consume-2")
CREW = (*WORKERS, "beat")


class Crew(Service):
    """A service whose processes are kept up, as a process manager keeps them, by a thread of its own.

    `findings` says of each process that ended by itself, or did not end when told to, that it did.
    """

    def __init__(self, *, environment: Mapping[str, str], folder: Path, **urls: str) -> None:
        super().__init__(environment={**environment, "CHAOS_FOLDER": str(folder)}, folder=folder, **urls)
        self.findings: list[str] = []
        self.starts: Counter[str] = Counter()
        self._expected_ends: dict[str, set[int]] = {}
        self._told_at: dict[str, float] = {}
        self._lock = RLock()
        self._done = Event()
        self._keeper = Thread(target=self._keep, name="crew", daemon=True)

    def command(self, name: str) -> list[str]:
        """As the Procfile has it, by the launcher; a second one of a kind has a name of its own."""
        role = name.partition("-")[0]
        program, *arguments = super().command(role)
        named = [part.replace(f"{role}@", f"{name}@") for part in arguments]
        return ["python", "-m", "tests.chaos.worker", program, *named]

    def go(self) -> None:
        """Start everybody, and keep them up from now on."""
        for name in CREW:
            self._start(name)
        for name in WORKERS:
            self.processes[name].wait_for_log(UP)
        self._keeper.start()

    def hit(self, name: str, number: signal.Signals) -> None:
        """Send a process a signal that ends it."""
        with self._lock:
            process = self.processes[name]
            is_told = name in self._told_at and number != signal.SIGKILL  # a second time would end it at once
            if process.exit_code is None and not is_told:
                self._expect(name, *self._ends_by(number, process))
                self._told_at[name] = time.monotonic()
                process.signal(number)

    def arm(self, name: str, point: str) -> Path:
        """Have a process killed at its next passing of a point; the file that is gone once it was."""
        with self._lock:
            self._expect(name, -signal.SIGKILL)
            armed = self.folder / f"{name}.{point}"
            armed.touch()
            return armed

    def disarm(self, name: str, armed: Path) -> bool:
        """Take it back; whether it had happened."""
        with self._lock:
            try:
                armed.unlink()
            except FileNotFoundError:
                return True
            return False

    def jump(self, seconds: float) -> None:
        """Have the books' clock be ahead by so much; 0 puts it right."""
        (self.folder / CLOCK).write_text(str(seconds))

    def stand_down(self) -> None:
        """Tell everybody to stop, as at a deployment; what does not end well is a finding."""
        self._done.set()
        self._keeper.join()
        told_at = time.monotonic()
        for name in CREW:
            self.processes[name].signal(signal.SIGTERM)
        for name in CREW:
            try:
                code = self.processes[name].wait(timeout_seconds=HANGS_AFTER_SECONDS)
            except AssertionError as still_there:
                self.findings.append(f"{name} hangs: {still_there}")
                continue
            if code:
                self.findings.append(f"{name} ended with {code} when told to stop:\n{self._last_words(name)}")
        if (took := time.monotonic() - told_at) > WARM_STOP_SECONDS:
            self.findings.append(f"the crew took {took:.1f} s to stop")

    def end(self) -> None:
        self._done.set()
        if self._keeper.is_alive():
            self._keeper.join()
        super().end()

    def _keep(self) -> None:
        while not self._done.wait(LOOK_EVERY_SECONDS):
            for name in CREW:
                with self._lock:
                    self._look_after(name)

    def _look_after(self, name: str) -> None:
        code = self.processes[name].exit_code
        if code is None:
            told_at = self._told_at.get(name)
            if told_at is None or time.monotonic() - told_at < HANGS_AFTER_SECONDS:
                return
            self.findings.append(
                f"{name} hangs {HANGS_AFTER_SECONDS:.0f} s after its signal:\n{self._last_words(name)}"
            )
            self._expected_ends.pop(name, None)
        else:
            self._judge_end(name, code)
        self._start(name)

    def _judge_end(self, name: str, code: int) -> None:
        expected = self._expected_ends.pop(name, set())
        if any(self.folder.glob(f"{name}.*")):  # armed, and ended by something else: the next one will pass the point
            self._expect(name, -signal.SIGKILL)
        if code not in expected:
            self.findings.append(f"{name} ended with {code}, expected {expected}:\n{self._last_words(name)}")

    def _expect(self, name: str, *codes: int) -> None:
        """Any of these is a right end too: of two signals the one or the other may end it."""
        self._expected_ends.setdefault(name, set()).update(codes)

    def _ends_by(self, number: signal.Signals, process: Process) -> set[int]:
        """The codes with which it may end by a signal; before it is up it holds nothing, and SIGTERM simply ends it."""
        if number == signal.SIGKILL:
            return {-number}
        return {0} if re.search(UP, process.log()) else {0, -number}

    def _last_words(self, name: str) -> str:
        """The end of its log, without what became of each message."""
        lines = [
            line
            for line in self.processes[name].log().splitlines()
            if '"logger":"credits"' not in line.replace(" ", "")
        ]
        return "\n".join(lines[-LAST_WORDS:])

    def _start(self, name: str) -> None:
        if name in self.processes:
            self.processes[name].end()
        self.starts[name] += 1
        self._told_at.pop(name, None)
        log = self.folder / f"{name}-{self.starts[name]:03}.log"
        environment = {**self.environment, "CHAOS_NAME": name}
        self.processes[name] = Process(*self.command(name), environment=environment, log=log)
