"""Fixtures of the drills: a service of the drill's own, and another team's producer for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from celery import Celery

from tests.drills.drill import Drill
from tests.e2e.producer import Producer
from tests.e2e.service import Service
from tests.processes import service_environment


class Stage:
    """A deployed service on these servers, a producer, and one drill."""

    def __init__(self, *, service: Service, producer: Producer, drill: Drill) -> None:
        self.service = service
        self.producer = producer
        self.drill = drill
        self.books = service.books

    def query(self, statement: str) -> str:
        """What an operator's psql prints for a statement."""
        return self.service.run("psql", self.service.environment["DATABASE_URL"], "-Atqc", statement).stdout.strip()


@contextmanager
def staged(
    drill: Drill, *, database_url: str, broker_url: str, folder: Path, processes: tuple[str, ...], **settings: str
) -> Iterator[Stage]:
    """The stage of one drill, with these processes running; complete and with right books when the block ends."""
    environment = service_environment(database_url=database_url, broker_url=broker_url, **settings)
    with ExitStack() as stack:
        service = Service(broker="rabbitmq", environment=environment, folder=folder)
        stack.callback(service.end)
        service.deploy()
        service.start(*processes)
        app = stack.enter_context(Celery(broker=broker_url, set_as_current=False))
        producer = Producer(app=app, books=service.books, has_exchanges=True)
        drill.set(**service.environment)
        yield Stage(service=service, producer=producer, drill=drill)
        drill.assert_complete()
        service.audit()


Start = Callable[..., Stage]


@pytest.fixture
def stage_of(own_database: str, rabbitmq_url: str, tmp_path: Path) -> Iterator[Start]:
    """stage_of("name", "grants", …): that drill's stage on a database and a virtual host of its own."""
    with ExitStack() as stack:

        def start(name: str, *processes: str, **settings: str) -> Stage:
            urls = {"database_url": own_database, "broker_url": rabbitmq_url}
            return stack.enter_context(staged(Drill(name), **urls, folder=tmp_path, processes=processes, **settings))

        yield start
