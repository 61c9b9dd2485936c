"""Borders: what others may have our workers do. A producer's message asks for commands, and starts no task of our own.

Workers publish with rights that producers have not: what a producer could make them publish, it could forge.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kombu.message import Message as BrokerMessage

from ledger.commands import COMMANDS, ConsumeMany

COMMAND_TASKS = frozenset({*COMMANDS, ConsumeMany.task})
COMMANDS_EXCHANGE = "credits.commands"  # the one that producers write to
OUR_OWN = "credits."  # tasks, queues and exchanges
FOR_PRODUCERS = frozenset({COMMANDS_EXCHANGE, "credits.grants", "credits.consume"})
LINKS = ("callbacks", "errbacks", "chain", "chord")
CELERYS = "celery."  # its own tasks: map, starmap, chunks and the like run whatever task their arguments name


def crosses(message: BrokerMessage) -> bool:
    """Whether a message came by the exchange that producers write to, and names a task that is no command."""
    task = message.headers.get("task")  # where it is no name at all, nothing is started by it
    by_producers = message.delivery_info.get("exchange") == COMMANDS_EXCHANGE
    return by_producers and isinstance(task, str) and task not in COMMAND_TASKS


def forbidden_link(embed: Mapping[str, Any]) -> str:
    """What a message's links (callbacks, chain, chord) may not start or write to; empty where all is well."""
    links = [link for name in LINKS if (link := embed.get(name))]  # of most messages there is none
    return next(_forbidden(links), "") if links else ""


def _is_internal(name: str) -> bool:
    return name.startswith(OUR_OWN) and name not in COMMAND_TASKS and name not in FOR_PRODUCERS


def _forbidden(links: list[Any]) -> Iterator[str]:
    """Every text anywhere in links, arguments too, that names what is our own, and every task that is Celery's."""
    waiting = [*links]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            yield from _celerys(value)
        elif isinstance(value, str | bytes):  # kombu's JSON has bytes, which AMQP takes for names as well
            name = value if isinstance(value, str) else value.decode(errors="replace")
            if _is_internal(name):
                yield name


def _celerys(link: dict[Any, Any]) -> Iterator[str]:
    """Celery's own task that a link runs: by its name, or by the kind of signature that it says it is."""
    task, kind = link.get("task"), link.get("subtask_type")
    if isinstance(task, str) and task.startswith(CELERYS):
        yield task
    if kind:
        yield f"{CELERYS}{kind}"
