"""python -m tests.chaos.worker PROGRAM ARGUMENT…: a process of the service, with points at which it can be killed.

The process is the service's own, unchanged, but for what is put round a few of its functions. Where a file that bears
this process's name and a point's lies in CHAOS_FOLDER, it kills itself (SIGKILL) at that point. The database's clock is
read with what the file `clock` there says added to it, in seconds. On Redis what a killed worker held comes back within
seconds.
"""

import os
import runpy
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from celery.signals import celeryd_after_setup
from kombu.transport.redis import QoS

import celeryconfig
from tests.chaos.points import (
    AFTER_COMMIT,
    AFTER_NOTICE,
    AFTER_PUBLISH,
    BEFORE_ACK,
    BEFORE_COMMIT,
    CLOCK,
    HAND_OVER,
    VISIBILITY_TIMEOUT_S,
)

FOLDER = Path(os.environ["CHAOS_FOLDER"])
NAME = os.environ["CHAOS_NAME"]


def die_if_asked(point: str) -> None:
    """End here, as a crash would, where that was asked of this process; once."""
    try:
        (FOLDER / f"{NAME}.{point}").unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def before(point: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with the point before it."""

    def dying(*args: Any, **kwargs: Any) -> Any:
        die_if_asked(point)
        return work(*args, **kwargs)

    return dying


def after(point: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with the point after it."""

    def dying(*args: Any, **kwargs: Any) -> Any:
        result = work(*args, **kwargs)
        die_if_asked(point)
        return result

    return dying


@celeryd_after_setup.connect
def set_points(**_: object) -> None:
    """Put the points into the service's modules, which are all loaded by now."""
    # Only now: they need Django, which Celery has just set up.
    from ledger import dialect  # noqa: PLC0415
    from tasks import acknowledging, posting, relay, sweeps  # noqa: PLC0415

    post = import_module("ledger.journal.post")  # its package has a function of that name
    post.write = after(BEFORE_COMMIT, post.write)
    posting.tell = before(AFTER_COMMIT, posting.tell)
    sweeps.tell = posting.tell
    relay.mark = before(AFTER_PUBLISH, relay.mark)
    acknowledging.Acknowledger.settle = before(BEFORE_ACK, acknowledging.Acknowledger.settle)
    relay.Relay.send = after(AFTER_NOTICE, relay.Relay.send)
    QoS.append = before(HAND_OVER, QoS.append)
    dialect.PostgreSQL.clock = jumping(dialect.PostgreSQL.clock)


def jumping(clock: Callable[[Any], datetime]) -> Callable[[Any], datetime]:
    """The clock, ahead or behind by what is asked at this moment."""

    def jumped(self: Any) -> datetime:
        try:
            ahead_s = float((FOLDER / CLOCK).read_text() or 0)
        except FileNotFoundError:
            ahead_s = 0
        return clock(self) + timedelta(seconds=ahead_s)

    return jumped


def main() -> None:
    program, *arguments = sys.argv[1:]
    path = shutil.which(program, path=str(Path(sys.executable).parent))
    if path is None:
        sys.exit(f"no program {program} beside {sys.executable}")
    if "visibility_timeout" in celeryconfig.broker_transport_options:
        celeryconfig.broker_transport_options["visibility_timeout"] = VISIBILITY_TIMEOUT_S
    sys.argv = [path, *arguments]
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    main()
