"""Borders: what others may have our workers do. A producer's message asks for commands, and starts no task of our own.

Workers publish with rights that producers have not: what a producer could make them publish, it could forge.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from celery.utils.time import maybe_iso8601
from kombu.message import Message as BrokerMessage

from ledger.commands import COMMANDS, ConsumeMany

COMMAND_TASKS = frozenset({*COMMANDS, ConsumeMany.task})
COMMANDS_EXCHANGE = "credits.commands"  # the one that producers write to
OUR_OWN = "credits."  # tasks, queues and exchanges
FOR_PRODUCERS = frozenset({COMMANDS_EXCHANGE, "credits.grants", "credits.consume"})
LINKS = ("callbacks", "errbacks", "chain", "chord")
LONGEST_S = 10 * 366 * 86_400.0  # what a link may wait for
LINKS_OF_LINKS = ("link", "link_error", "chain", "chord")  # among a link's options


def crosses(message: BrokerMessage) -> bool:
    """Whether a message came by the exchange that producers write to, and names a task that is no command."""
    task = message.headers.get("task")  # where it is no name at all, nothing is started by it
    by_producers = message.delivery_info.get("exchange") == COMMANDS_EXCHANGE
    return by_producers and isinstance(task, str) and task not in COMMAND_TASKS


def forbidden_link(embed: Mapping[str, Any]) -> str:
    """Why a message's links (callbacks, errbacks, chain, chord) are refused; empty where all is well.

    They start commands alone. To anybody else's queue a worker may not write, and what was to follow a command that is
    carried out would be found out too late: it would be told as failed.
    """
    links = [link for name in LINKS if (link := embed.get(name))]  # of most messages there is none
    return next(chain(_no_commands(embed, links), _our_own(links)), "") if links else ""


def _is_internal(name: str) -> bool:
    return name.startswith(OUR_OWN) and name not in COMMAND_TASKS and name not in FOR_PRODUCERS


def _no_commands(embed: Mapping[str, Any], links: list[Any]) -> Iterator[str]:
    """What links, and links of links, start that is no command, or a canvas, or when it can't be."""
    waiting = []
    for link in links:
        if link is embed.get("chord"):
            waiting.append(link)
        elif isinstance(link, list):
            waiting += link
        else:
            yield "links stand in a list"
    while waiting:
        link = waiting.pop()
        if not isinstance(link, dict):
            yield "a link is an object"
            continue
        task, kind, options = link.get("task"), link.get("subtask_type"), link.get("options") or {}
        if kind or not isinstance(task, str) or task not in COMMAND_TASKS:
            yield f"no link may lead to {kind or task}"
        if link.get("immutable") is not True:
            yield "a link is immutable: Celery would put the parent's result before its fields"
        if not isinstance(options, dict) or not _can_be_sent(link, options):
            yield "a link has args and kwargs, its countdown is a number, its eta and expires are times"
            continue
        for further in filter(None, map(options.get, LINKS_OF_LINKS)):
            waiting += further if isinstance(further, list) else [further]


def _can_be_sent(link: dict[Any, Any], options: dict[Any, Any]) -> bool:
    """Whether Celery can make a message of a link, and read when it is to be carried out."""
    countdown, expires = options.get("countdown"), options.get("expires")
    are_times = _is_number(countdown) and (_is_number(expires) or _is_time(expires)) and _is_time(options.get("eta"))
    return are_times and isinstance(link.get("args") or [], list) and isinstance(link.get("kwargs") or {}, dict)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LONGEST_S)


def _is_time(value: Any) -> bool:
    try:
        return value is None or isinstance(value, datetime) or bool(maybe_iso8601(value))
    except (AttributeError, OverflowError, TypeError, ValueError):
        return False


def _our_own(links: list[Any]) -> Iterator[str]:
    """Every text anywhere in links, arguments too, that names what is our own and is no command."""
    waiting = [*links]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value
            waiting += value.values()
        elif isinstance(value, str | bytes):  # kombu's JSON has bytes, which AMQP takes for names as well
            name = value if isinstance(value, str) else value.decode(errors="replace")
            if _is_internal(name):
                yield f"no link may name {name}"
