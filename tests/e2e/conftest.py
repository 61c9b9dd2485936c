"""Fixtures of the end-to-end tests.

service    a service that runs already, on each broker in turn; it is shared: a test brings merchants of its own.
           On RabbitMQ and PostgreSQL it may do no more than deploy/ gives its broker user and its database role.
producer   another team's producer for it: names and JSON alone.
celery_*   pytest-celery's own fixtures, round local processes (tests/e2e/nodes.py).
on_broker  @pytest.mark.parametrize("broker", …, indirect=True) chooses brokers where not all three will do.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from celery import Celery
from pytest_celery import CeleryTestBackend, CeleryTestBroker, CeleryTestSetup, CeleryTestWorker
from redis import Redis

from tests.broker_users import broker_users
from tests.databases import Databases
from tests.e2e.nodes import LocalServer, LocalWorker
from tests.e2e.producer import Producer, forget_results
from tests.e2e.service import Service, running
from tests.e2e.webhook import SECRET, Webhook, listening_webhook
from tests.fixtures.brokers import needed
from tests.processes import service_environment
from tests.roles import under_roles
from tests.servers.management import Management, VirtualHost

BROKERS = ("rabbitmq", "redis", "embedded")
PROCESSES = ("grants", "consume", "notifications", "beat")
LAST_REDIS_DATABASE = 15


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> str:
    """The name of the broker that the service of this test runs on."""
    return str(request.param)


@pytest.fixture
def service(broker: str, request: pytest.FixtureRequest) -> Iterator[Service]:
    """The running service on this test's broker; between tests it takes none of the others' time."""
    found: Service = request.getfixturevalue(f"{broker}_service")
    found.wake()
    yield found
    found.sleep()


@pytest.fixture(scope="session")
def results_url(worker_id: str) -> Iterator[str]:
    """A logical Redis database of this process's own that no other fixture empties."""
    number = LAST_REDIS_DATABASE - int(worker_id.removeprefix("gw") or 0) if worker_id != "master" else 15
    url = urlunsplit(urlsplit(needed("TEST_REDIS_URL"))._replace(path=f"/{number}"))
    with Redis.from_url(url) as client:
        if client.dbsize():
            pytest.exit(f"database {number} of TEST_REDIS_URL holds keys, and tests would empty it", returncode=1)
        yield url
        client.flushdb()


@pytest.fixture(scope="session")
def webhook() -> Iterator[Webhook]:
    """The webhook that every shared service is configured with."""
    with listening_webhook() as listening:
        yield listening


@pytest.fixture(scope="session")
def settings_of_all(webhook: Webhook) -> dict[str, str]:
    """What every shared service is configured with."""
    return {"notify_webhook_url": webhook.url, "notify_webhook_secret": SECRET}


@pytest.fixture(scope="session")
def shared_host(rabbitmq_management: Management, virtual_host_names: Iterator[str]) -> Iterator[VirtualHost]:
    """The virtual host of the service that tests share."""
    with rabbitmq_management.virtual_host(name=next(virtual_host_names)) as host:
        yield host


@pytest.fixture(scope="session")
def rabbitmq_service(
    databases: Databases,
    django_db_blocker: Any,
    shared_host: VirtualHost,
    results_url: str,
    settings_of_all: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Iterator[Service]:
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            owner_url = stack.enter_context(databases.clone(name=f"{worker_id}_rabbitmq"))
        users = broker_users(shared_host)
        environment = service_environment(
            database_url=stack.enter_context(under_roles(owner_url)),
            broker_url=users["service"],
            result_backend_url=results_url,
            **settings_of_all,
        )
        service = Service(
            broker="rabbitmq",
            environment=environment,
            folder=tmp_path_factory.mktemp("rabbitmq"),
            broker_url=shared_host.url,
            deployer_url=users["deployer"],
        )
        yield stack.enter_context(running(service, *PROCESSES))


@pytest.fixture(scope="session")
def redis_service(
    databases: Databases,
    django_db_blocker: Any,
    results_url: str,
    settings_of_all: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Iterator[Service]:
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            owner_url = stack.enter_context(databases.clone(name=f"{worker_id}_redis"))
        database_url = stack.enter_context(under_roles(owner_url))
        environment = service_environment(
            database_url=database_url, broker_url=results_url, result_backend_url=results_url, **settings_of_all
        )
        service = Service(broker="redis", environment=environment, folder=tmp_path_factory.mktemp("redis"))
        yield stack.enter_context(running(service, *PROCESSES))


@pytest.fixture(scope="session")
def embedded_service(settings_of_all: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """No server at all: books, broker and results in SQLite files."""
    folder = tmp_path_factory.mktemp("embedded")
    environment = service_environment(
        database_url=f"sqlite:///{folder}/credits.sqlite3",
        broker_url=f"sqla+sqlite:///{folder}/broker.sqlite3",
        result_backend_url=f"db+sqlite:///{folder}/results.sqlite3",
        **settings_of_all,
    )
    service = Service(broker="embedded", environment=environment, folder=folder)
    migrated = service.manage("migrate", "--verbosity", "0")
    assert migrated.returncode == 0, migrated.stderr
    with running(service, *PROCESSES):
        yield service
        service.wake()


@pytest.fixture
def celery_broker(service: Service) -> CeleryTestBroker:
    return CeleryTestBroker(LocalServer(name=service.broker, url=service.broker_url))


@pytest.fixture
def celery_backend(service: Service) -> CeleryTestBackend:
    return CeleryTestBackend(LocalServer(name="results", url=service.environment["RESULT_BACKEND_URL"]))


@pytest.fixture
def celery_worker(service: Service, celery_setup_app: Celery) -> CeleryTestWorker:
    """The worker of the consumptions; the service's others run beside it."""
    return CeleryTestWorker(LocalWorker(service=service, name="consume"), celery_setup_app)


@pytest.fixture
def celery_setup_config(celery_setup_cls: type[CeleryTestSetup], celery_worker_cluster_config: Any) -> dict[str, Any]:
    """What the contract has a producer set, besides the URLs."""
    config = celery_setup_cls.config(celery_worker_cluster_config=celery_worker_cluster_config)
    if config["broker_url"].startswith("amqp"):
        config["broker_transport_options"] = {"confirm_publish": True}
    return config


@pytest.fixture
def producer(celery_setup: CeleryTestSetup, service: Service) -> Iterator[Producer]:
    """A bare Celery application of another team."""
    with celery_setup.app as app:
        yield Producer(app=app, books=service.books, has_exchanges=service.has_exchanges)
        forget_results(app)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Put the ends of the logs of a failed test's service into its report."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            service = getattr(value, "service", value)
            for name, process in service.processes.items() if isinstance(service, Service) else ():
                report.sections.append((f"log of {name}", process.log_tail()))
    return report
