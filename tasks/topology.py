"""The topology: what celeryconfig.py names, declared at the broker by one command, and where a message came from."""

from typing import Any

from celery import Celery, current_app
from django.utils.module_loading import import_string
from kombu.message import Message as BrokerMessage

from tasks.transports import is_embedded

# In a Redis message's delivery_info, by tasks.redis_envelopes: where it really was. The rest is what its sender wrote.
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
    """The queue that a message was taken from: where it was dead-lettered, if it was, else by its routing key."""
    by_key = _queues_by_key(current_app)
    queue = _died_in(message) or message.delivery_info.get(QUEUE) or message.delivery_info.get("routing_key") or ""
    return by_key.get(queue, queue)


def _died_in(message: BrokerMessage) -> str:
    """Our queue that a dead letter comes from, as the broker's latest note has it; empty where it is none.

    Among other messages a note of that kind is its sender's own.
    """
    exchange, dead = message.delivery_info.get("exchange"), current_app.conf["dead"].name
    is_straight = exchange == "" and message.delivery_info.get("routing_key") == dead
    if not (exchange == dead or is_straight) or not isinstance(message.headers, dict):
        return ""
    deaths = message.headers.get("x-death")
    latest = deaths[0] if isinstance(deaths, list) and deaths else None
    queue = latest.get("queue") if isinstance(latest, dict) else None
    return queue if isinstance(queue, str) and _queues_by_key(current_app).get(queue) == queue else ""


_by_key: dict[str, str] = {}


def _queues_by_key(app: Celery) -> dict[str, str]:
    """Routing key to queue, of all our bindings."""
    if not _by_key:
        for queue in all_queues(app):
            _by_key[queue.name] = queue.name
            for binding in queue.bindings:
                _by_key[binding.routing_key] = queue.name
    return _by_key
