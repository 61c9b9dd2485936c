"""Where each message goes: its exchange and routing key, and the queue that the service has bound to them."""

from dataclasses import dataclass
from functools import lru_cache

COMMANDS_EXCHANGE = "credits.commands"
EVENTS_EXCHANGE = "glam.events"

_QUEUES = {
    "credits.open_account": "credits.grants",
    "credits.start_trial": "credits.grants",
    "credits.purchase": "credits.grants",
    "credits.grant": "credits.grants",
    "credits.change_shop": "credits.grants",
    "credits.reverse": "credits.grants",
    "credits.consume_match": "credits.consume",
    "credits.consume": "credits.consume",
    "credits.consume_many": "credits.consume",
    "credits.hold": "credits.consume",
    "credits.capture": "credits.consume",
    "credits.release": "credits.consume",
    "evt.merchant.created.v1": "credits.inbound",
    "evt.billing.trial.started.v1": "credits.inbound",
    "evt.billing.credits.purchased.v1": "credits.inbound",
    "evt.ai.match.completed.v1": "credits.inbound.matches",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One way to the service. queue is where a broker without exchanges across processes must put the message."""

    exchange: str
    routing_key: str
    queue: str


@lru_cache(maxsize=32)
def command_route(task: str) -> Route:
    """The way of a command, by its task's name."""
    return Route(COMMANDS_EXCHANGE, task, _QUEUES[task])


@lru_cache(maxsize=32)
def event_route(event_type: str, *, exchange: str) -> Route:
    """The way of a plain event through the platform's event exchange."""
    return Route(exchange, event_type, _QUEUES[event_type])
