"""A stage for faults: a service with servers of its own, to be killed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from celery import Celery

from tests.confirms import confirmed
from tests.e2e.producer import Producer, match
from tests.e2e.service import Service
from tests.processes import service_environment
from tests.servers import PostgreSQL, RabbitMQ
from tests.servers.management import VirtualHost

BURST = 3_000


class Stage:
    """A service with servers of its own, to be killed."""

    def __init__(self, *, service: Service, postgresql: PostgreSQL, rabbitmq: RabbitMQ, producer: Producer) -> None:
        self.service = service
        self.postgresql = postgresql
        self.rabbitmq = rabbitmq
        self.producer = producer
        self.host = VirtualHost(management=rabbitmq.management, name="/", url=rabbitmq.url)

    def burst(self, merchant: str, *, size: int = BURST) -> list[str]:
        """Send so many consumptions of 1 at once; their references, sorted."""
        fields = [match(merchant) for _ in range(size)]
        with confirmed(self.service.broker_url) as publish:
            for each in fields:
                body, headers = self.producer.task_message("credits.consume_match", each)
                publish(
                    body,
                    exchange="credits.commands",
                    routing_key="credits.consume_match",
                    headers=headers,
                    content_type="application/json",
                    content_encoding="utf-8",
                    delivery_mode=2,
                )
        return sorted(each["match_id"] for each in fields)

    def queued(self) -> int:
        """Consumptions that wait in the broker."""
        return self.host.messages()["credits.consume"]

    def matches(self, merchant: str) -> list[str]:
        """The references of the merchant's posted matches, sorted."""
        rows = self.service.books.transactions(merchant)
        return sorted(row["reference_id"] for row in rows if row["reference_type"] == "match")


@contextmanager
def staged(folder: Path, **settings: str) -> Iterator[Stage]:
    """A service that is deployed on servers of its own; nothing of it runs yet. Its books are right at the end."""
    with ExitStack() as stack:
        postgresql, rabbitmq = PostgreSQL.for_tests(), RabbitMQ()
        for server in (postgresql, rabbitmq):
            stack.callback(server.stop)
            server.launch()
        for server in (postgresql, rabbitmq):
            server.wait_until_ready()
        environment = service_environment(database_url=postgresql.url, broker_url=rabbitmq.url, **settings)
        service = Service(broker="rabbitmq", environment=environment, folder=folder)
        stack.callback(service.end)
        migrated = service.manage("migrate", "--verbosity", "0")
        assert migrated.returncode == 0, migrated.stderr
        service.deploy()
        app = stack.enter_context(Celery(broker=rabbitmq.url, set_as_current=False))
        producer = Producer(app=app, books=service.books, has_exchanges=True)
        yield Stage(service=service, postgresql=postgresql, rabbitmq=rabbitmq, producer=producer)
        service.audit()
