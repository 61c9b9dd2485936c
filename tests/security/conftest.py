"""A service under its own rights, and producers under theirs, which the tests of a module share.

service    runs already; a test brings merchants of its own. Django's default connection leads to its database.
sender     a producer's user of its broker; users: the URLs of all of deploy/'s by role.
parked     gives the rows that were parked since the test began.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from django.db.models import QuerySet
from pytest_django import DjangoDbBlocker

from ledger.models import ParkedMessage
from tests.broker_users import broker_users
from tests.databases import Databases, default_connection_to
from tests.e2e.service import Service, running
from tests.processes import service_environment
from tests.roles import under_roles
from tests.servers.management import Management, VirtualHost

Parked = Callable[[], QuerySet[ParkedMessage]]


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


@pytest.fixture(scope="module")
def host(rabbitmq_management: Management, virtual_host_names: Iterator[str]) -> Iterator[VirtualHost]:
    with rabbitmq_management.virtual_host(name=next(virtual_host_names)) as host:
        yield host


@pytest.fixture(scope="module")
def users(host: VirtualHost) -> dict[str, str]:
    return broker_users(host)


@pytest.fixture(scope="module")
def owner_url(
    databases: Databases, database_numbers: Iterator[int], django_db_blocker: DjangoDbBlocker, worker_id: str
) -> Iterator[str]:
    with django_db_blocker.unblock(), databases.clone(name=f"{worker_id}_{next(database_numbers)}") as url:
        yield url


@pytest.fixture(scope="module")
def shared_service(
    users: dict[str, str], host: VirtualHost, owner_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with under_roles(owner_url) as database_url:
        environment = service_environment(database_url=database_url, broker_url=users["service"])
        service = Service(
            broker="rabbitmq",
            environment=environment,
            folder=tmp_path_factory.mktemp("service"),
            broker_url=host.url,
            deployer_url=users["deployer"],
        )
        with running(service, "grants", "consume", "beat"):
            yield service


@pytest.fixture
def service(shared_service: Service, owner_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Service]:
    with django_db_blocker.unblock(), default_connection_to(owner_url):
        yield shared_service


@pytest.fixture
def sender(users: dict[str, str]) -> Sender:
    return Sender(users["producer"])


@pytest.fixture
def parked(service: Service) -> Parked:
    before = set(ParkedMessage.objects.values_list("pk", flat=True))
    return lambda: ParkedMessage.objects.exclude(pk__in=before)
