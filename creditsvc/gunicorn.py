"""What gunicorn runs with: `gunicorn creditsvc.wsgi --config python:creditsvc.gunicorn`.

Read before anything is started: a wrong environment stops the server, not one worker after another.
"""

from typing import Any

from django.utils.module_loading import import_string
from gunicorn.glogging import Logger

from creditsvc.environment import environment
from creditsvc.garbage import REQUESTS, collect_less_often
from creditsvc.logging import logging_config


class Lines(Logger):
    """gunicorn's own lines go where all others go. Requests have lines of ours (api/correlation.py)."""

    def setup(self, cfg: Any) -> None:
        """Instead of handlers of its own."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        logging_config(level=environment.logging_level, form=environment.logging_format)


def post_worker_init(worker: Any) -> None:
    """In each process that answers requests, once Django is set up there: hence by name."""
    import_string("creditsvc.tracing.switch_on")(f"web-{worker.pid}")
    collect_less_often(after=REQUESTS)


bind = f"0.0.0.0:{environment.credit_api_external_port}"
worker_class = "creditsvc.accepting.SharingWorker"
workers = 2
threads = 8
graceful_timeout = 8  # of the ten seconds in which every process of the service ends
loglevel = environment.logging_level.lower()
logger_class = Lines
control_socket_disable = True  # a socket in the user's home by which to change the server: nobody here asks for it
