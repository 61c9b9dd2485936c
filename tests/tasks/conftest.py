"""What every test of the tasks needs: the service's own Celery application."""

from collections.abc import Iterator

import pytest
from celery import current_app

from creditsvc.celery import app


@pytest.fixture(autouse=True)
def the_service_is_the_current_app() -> Iterator[None]:
    """Whatever applications other tests of this process have made."""
    before = current_app._get_current_object()
    app.set_current()
    yield
    before.set_current()
