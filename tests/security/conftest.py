"""A service under its own rights, and producers under theirs."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from tests.broker_users import broker_users
from tests.e2e.service import Service, running
from tests.processes import service_environment
from tests.roles import under_roles
from tests.servers.management import VirtualHost


class Sender:
    """A producer's user of the broker, who sends commands in its own name."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = url.removeprefix("amqp://").partition(":")[0]

    def send(self, task: str, fields: dict[str, Any], **options: Any) -> None:
        with Celery(broker=self.url, set_as_current=False) as app:
            app.conf.broker_transport_options = {"confirm_publish": True}
            way = {"exchange": "credits.commands", "routing_key": task, "declare": [], "mandatory": True}
            app.send_task(task, kwargs=fields, ignore_result=True, **way, **options)


@pytest.fixture
def users(rabbitmq_admin: VirtualHost) -> dict[str, str]:
    return broker_users(rabbitmq_admin)


@pytest.fixture
def service(users: dict[str, str], rabbitmq_admin: VirtualHost, own_database: str, tmp_path: Any) -> Iterator[Service]:
    with under_roles(own_database) as database_url:
        environment = service_environment(database_url=database_url, broker_url=users["service"])
        service = Service(
            broker="rabbitmq",
            environment=environment,
            folder=tmp_path,
            broker_url=rabbitmq_admin.url,
            deployer_url=users["deployer"],
        )
        with running(service, "grants", "consume", "beat"):
            yield service


@pytest.fixture
def sender(users: dict[str, str]) -> Sender:
    return Sender(users["producer"])
