"""Liveness: each worker touches a file while it is well; `python -m tasks.liveness NAME` says whether it is."""

import os
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutdown
from django.conf import settings

EVERY_S = 5
DEAD_AFTER_S = 30


class Liveness(bootsteps.StartStopStep):
    """Touches the worker's file every EVERY_S seconds.

    Connected to the broker, the consumer's loop does it: where that hangs, the file grows old. A batch that waits for
    the database is in the pool's thread, and the loop turns on. A worker that waits for the broker, or for
    migrations, has no loop that turns, and is well all the same: a thread tells so meanwhile.
    """

    requires = ("celery.worker.consumer:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._path = file_of(consumer.hostname)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._is_waiting = True
        self._entry: Any = None
        worker_shutdown.connect(self._forget, weak=False)
        Thread(target=self._tell_while_waiting, name="liveness", daemon=True).start()

    def start(self, consumer: Any) -> None:
        """The consumer is connected and begins to take messages."""
        self._is_waiting = False
        self._path.touch()
        # The embedded broker's timer is a thread of its own; call_soon has the loop do it there too.
        self._entry = consumer.timer.call_repeatedly(EVERY_S, consumer.call_soon, (self._path.touch,))

    def stop(self, consumer: Any) -> None:
        """The connection is lost, or the worker stops."""
        if self._entry is not None:
            self._entry.cancel()
        self._is_waiting = True

    def _tell_while_waiting(self) -> None:
        while True:
            if self._is_waiting:
                self._path.touch()
            time.sleep(EVERY_S)

    def _forget(self, **_: object) -> None:
        self._path.unlink(missing_ok=True)


def file_of(name: str) -> Path:
    """The file of the worker of that name, such as grants@host."""
    return Path(settings.ALIVE_DIR) / name


def main(name: str) -> int:
    """0 where the worker was well within the last DEAD_AFTER_S seconds, else 1; says which."""
    try:
        age = time.time() - file_of(name).stat().st_mtime
    except FileNotFoundError:
        age = float("inf")
    is_alive = age < DEAD_AFTER_S
    sys.stdout.write(f"{name} is {'alive' if is_alive else 'not alive'}\n")
    return 0 if is_alive else 1


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "creditsvc.settings")
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tasks.liveness NAME  (such as grants@host)")
    sys.exit(main(sys.argv[1]))
