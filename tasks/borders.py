"""Borders: what producers write asks for commands, and starts no task of our own."""

from kombu.message import Message as BrokerMessage

from ledger.links import COMMAND_TASKS, FOR_PRODUCERS
from tasks.topology import QUEUE


def crosses(message: BrokerMessage) -> bool:
    """Whether a message names a task that is no command, and came by the producers' exchange or one of their queues."""
    way = {message.delivery_info.get(part) for part in ("exchange", "routing_key", QUEUE)}
    return not way.isdisjoint(FOR_PRODUCERS) and message.headers["task"] not in COMMAND_TASKS
