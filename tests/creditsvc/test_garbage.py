"""The collector of cycles, in processes of their own: what it is told holds for a whole process."""

import subprocess
import sys

import pytest

from creditsvc.environment import BASE_DIR
from creditsvc.garbage import BATCHES, DEEPER, REQUESTS

WORKER = """
from celery.signals import worker_ready
from creditsvc.celery import app
worker_ready.send(sender=None)
"""
WEB = """
from types import SimpleNamespace
from creditsvc import gunicorn, wsgi
gunicorn.post_worker_init(SimpleNamespace(pid=1))
"""
FOUND = "import gc; print(gc.get_freeze_count() > 10_000, gc.isenabled(), gc.get_threshold())"


@pytest.mark.slow
@pytest.mark.parametrize(("process", "after"), [(WORKER, BATCHES), (WEB, REQUESTS)])
def test_once_a_process_has_started_the_collector_leaves_out_what_was_imported(process, after):
    ran = subprocess.run(
        [sys.executable, "-c", f"{process}\n{FOUND}"], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )

    assert ran.stdout.splitlines()[-1] == f"True True {(after, DEEPER, DEEPER)}"
