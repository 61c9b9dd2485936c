"""The Celery application: `celery -A creditsvc.celery worker …`."""

import json
import os
from contextlib import suppress
from typing import Any

import structlog
from celery import signals
from celery.apps import worker
from django.db import close_old_connections
from django.utils.module_loading import import_string

from creditsvc.environment import environment
from creditsvc.garbage import BATCHES, collect_less_often
from tasks import bounds, transports
from tasks.application import Application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "creditsvc.settings")
# A worker that checked the pages and the API would load them for that: a quarter of its start. `make check` does it.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

bounds.install()
transports.install()

app = Application("creditsvc", amqp="tasks.consuming:Amqp", control="tasks.control:Control")
app.config_from_object("celeryconfig")
app.set_default()
# By name: they reach the tables, and Django is set up by Celery itself once the application is there.
app.steps["consumer"].update(
    {"tasks.steps:Beside", "tasks.steps:Figures", "tasks.steps:Paced", "tasks.liveness:Liveness"}
)
app.steps["worker"].update({"tasks.shutdown:Signals", "tasks.readiness:Migrated"})
log = structlog.get_logger(__name__)


@signals.setup_logging.connect
def keep_logging(**_: object) -> None:
    """Django's settings have set up logging already; a receiver here keeps Celery from doing it again."""


@signals.worker_init.connect
def trace_worker(sender: Any = None, **_: object) -> None:
    """Before the worker takes its first message."""
    import_string("creditsvc.tracing.switch_on")(str(sender))


@signals.worker_ready.connect
def all_is_imported(**_: object) -> None:
    """The worker has started."""
    collect_less_often(after=BATCHES)


@signals.task_prerun.connect
def drop_connections_that_broke(task: Any, **_: object) -> None:
    """A task begins as a request does: with a connection that works, or none yet. apply() leaves the caller's alone."""
    if not task.request.is_eager:
        close_old_connections()


@signals.beat_init.connect
def tell_of_beat(**_: object) -> None:
    """Instead of the banner, which `--quiet` leaves out."""
    log.info("beat is starting")


def say(message: str, _: Any = None) -> None:
    """Write what Celery says in the midst of a signal, past all logging, in the form of the other lines."""
    line = json.dumps({"event": message, "level": "info", "logger": __name__})
    with suppress(OSError):  # what is said is never worth failing for
        os.write(2, f"{line}\n".encode())


if environment.logging_format == "json":
    worker.safe_say = say
