"""The topology: what celeryconfig.py names, declared at the broker by one command, and where a message came from."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from celery import Celery, current_app
from django.utils.module_loading import import_string
from kombu.message import Message as BrokerMessage

from tasks.frames import key_as_text
from tasks.transports import is_embedded

# In a message's delivery_info, by what took it from there. The rest may be its sender's word: on Redis all of it, on
# RabbitMQ the routing key, since it routes by the header CC as well.
QUEUE = "queue"


def declare(app: Celery) -> list[str]:
    """Declare every exchange, queue and binding; the names of the queues. Raises the broker's own errors.

    Running it again changes nothing; a queue that is there with other arguments is refused by the broker.
    """
    queues = all_queues(app)
    if is_embedded(app):
        import_string("tasks.embedded.prepare")(app)
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        for exchange in (app.conf["commands"], app.conf["events"], app.conf["inbound"], app.conf["dead"]):
            exchange(channel).declare()
        for queue in queues:
            bound = queue(channel)
            bound.no_declare = None  # which keeps workers from it
            bound.declare()
    return [queue.name for queue in queues]


def all_queues(app: Celery) -> list[Any]:
    """Every queue that the service owns, as kombu declares it."""
    conf = app.conf
    queues = [*conf.task_queues, *conf["inbound_queues"], conf["dead_letter_queue"]]
    return [*queues, conf["embedded_events_queue"]] if is_embedded(app) else queues


def queue_of(message: BrokerMessage) -> str:
    """The queue that a message was taken from: where it was dead-lettered, if it was."""
    by_key = _queues_by_key(current_app)
    died_in = death_of(message).get("queue")
    if isinstance(died_in, str) and by_key.get(died_in) == died_in:
        return died_in
    queue = message.delivery_info.get(QUEUE) or message.delivery_info.get("routing_key")
    return by_key.get(queue, queue) if isinstance(queue, str) else ""


def routing_key_of(message: BrokerMessage) -> str:
    """The key that a message was published with to an exchange of ours; empty where it went straight to its queue.

    A dead letter keeps it. Its exchange and its keys as the broker notes them count for nothing: RabbitMQ takes a
    sender's own note of a death for one that it has made itself.
    """
    exchange, key = message.delivery_info.get("exchange"), message.delivery_info.get("routing_key")
    by_key = _queues_by_key(current_app)
    # kombu's SimpleQueue has an exchange of its queue's name.
    straight_by = key if exchange == _dead() else exchange
    is_straight = not exchange or (isinstance(straight_by, str) and by_key.get(straight_by) == straight_by)
    return "" if is_straight else key_as_text(key) if isinstance(key, bytes) else str(key or "")


def death_of(message: BrokerMessage) -> Mapping[str, Any]:
    """The broker's latest note on a dead letter: which queue it was in, and why it is there no more.

    Among other messages a note of that kind is its sender's own, and counts for nothing.
    """
    exchange = message.delivery_info.get("exchange")
    is_straight = exchange == "" and message.delivery_info.get("routing_key") == _dead()
    if not (exchange == _dead() or is_straight) or not isinstance(message.headers, dict):
        return {}
    deaths = message.headers.get("x-death")
    latest = deaths[0] if isinstance(deaths, list) and deaths else None
    return latest if isinstance(latest, dict) else {}


@cache
def event_queues() -> frozenset[str]:
    """The names of the queues that plain events come by."""
    return frozenset(queue.name for queue in current_app.conf["inbound_queues"])


@cache
def _dead() -> str:
    """The name of the exchange, and of the queue, of dead letters; to ask the configuration each time takes long."""
    name: str = current_app.conf["dead"].name
    return name


_by_key: dict[str, str] = {}


def _queues_by_key(app: Celery) -> dict[str, str]:
    """Routing key to queue, of all our bindings."""
    if not _by_key:
        for queue in all_queues(app):
            _by_key[queue.name] = queue.name
            for binding in queue.bindings:
                _by_key[binding.routing_key] = queue.name
    return _by_key
