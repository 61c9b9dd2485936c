"""Borders: what others may have our workers do. A producer's message asks for commands, and starts no task of our own.

Workers publish with rights that producers have not: what a producer could make them publish, it could forge.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from kombu.message import Message as BrokerMessage

from ledger.commands import COMMANDS, ConsumeMany

COMMAND_TASKS = frozenset({*COMMANDS, ConsumeMany.task})
COMMANDS_EXCHANGE = "credits.commands"  # the one that producers write to
OUR_OWN = "credits."  # tasks, queues and exchanges
FOR_PRODUCERS = frozenset({COMMANDS_EXCHANGE, "credits.grants", "credits.consume"})
LINKS = ("callbacks", "errbacks", "chain", "chord")
LINKS_OF_LINKS = ("link", "link_error", "chain", "chord")  # among a link's options


def crosses(message: BrokerMessage) -> bool:
    """Whether a message came by the exchange that producers write to, and names a task that is no command."""
    task = message.headers.get("task")  # where it is no name at all, nothing is started by it
    by_producers = message.delivery_info.get("exchange") == COMMANDS_EXCHANGE
    return by_producers and isinstance(task, str) and task not in COMMAND_TASKS


def forbidden_link(embed: Mapping[str, Any]) -> str:
    """What a message's links (callbacks, chain, chord) may not start or write to; empty where all is well.

    They start commands alone. To anybody's else queue a worker may not write, and what was to follow a command that
    was carried out would be found out too late: it would be told as failed.
    """
    links = [link for name in LINKS if (link := embed.get(name))]  # of most messages there is none
    return next(chain(_no_commands(links), _our_own(links)), "") if links else ""


def _is_internal(name: str) -> bool:
    return name.startswith(OUR_OWN) and name not in COMMAND_TASKS and name not in FOR_PRODUCERS


def _no_commands(links: list[Any]) -> Iterator[str]:
    """Every task that links, and links of links, start, and that is no command; and what is a canvas of tasks."""
    waiting = [*links]
    while waiting:
        link = waiting.pop()
        if isinstance(link, list):
            waiting += link
            continue
        signature = link if isinstance(link, dict) else {"task": link}
        task, kind, options = signature.get("task"), signature.get("subtask_type"), signature.get("options")
        if kind or not isinstance(task, str) or task not in COMMAND_TASKS:
            yield str(kind or task)
        if isinstance(options, dict):
            waiting += [options[name] for name in LINKS_OF_LINKS if options.get(name)]


def _our_own(links: list[Any]) -> Iterator[str]:
    """Every text anywhere in links, arguments too, that names what is our own and is no command."""
    waiting = [*links]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, str | bytes):  # kombu's JSON has bytes, which AMQP takes for names as well
            name = value if isinstance(value, str) else value.decode(errors="replace")
            if _is_internal(name):
                yield name
