"""Borders: a producer's message asks for commands, and starts no task of our own."""

from kombu.message import Message as BrokerMessage

from ledger.links import COMMAND_TASKS, COMMANDS_EXCHANGE


def crosses(message: BrokerMessage) -> bool:
    """Whether a message came by the exchange that producers write to, and names a task that is no command."""
    by_producers = message.delivery_info.get("exchange") == COMMANDS_EXCHANGE
    return by_producers and message.headers["task"] not in COMMAND_TASKS
