"""Borders: what producers write asks for commands, and starts no task of our own."""

from kombu.message import Message as BrokerMessage

from ledger.links import COMMAND_TASKS, FOR_PRODUCERS


def crosses(message: BrokerMessage) -> bool:
    """Whether a message names a task that is no command, and came by the producers' exchange, or is for their queues.

    The latter is one that was parked, and that staff have sent again.
    """
    way = {message.delivery_info.get("exchange"), message.delivery_info.get("routing_key")}
    return not way.isdisjoint(FOR_PRODUCERS) and message.headers["task"] not in COMMAND_TASKS
