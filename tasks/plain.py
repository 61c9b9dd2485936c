"""Plain messages, the great majority: one command as JSON, for now, for which nobody waits; read by pydantic alone.

What this returns, the strategy's envelope would return too, for four times the time (docs/performance.md). Whatever
holds anything out of the ordinary, or may be refused, is left to it, so that there is one place that decides that.
"""

from functools import partial
from typing import Annotated, Any

from celery.worker import state
from kombu.message import Message as BrokerMessage
from pydantic import Field, TypeAdapter, ValidationError

from ledger.commands import COMMANDS, Command
from ledger.messages import REPLAY_OF
from ledger.requests import Request
from tasks.deliveries import Delivery, sender_of, whole

NoArguments = Annotated[list[Any], Field(max_length=0)]
NoWatchers = dict[str, None]  # callbacks, errbacks, chain, chord
BODIES: dict[str, TypeAdapter[tuple[list[Any], Command, NoWatchers]]] = {
    name: TypeAdapter(tuple[NoArguments, command, NoWatchers])  # type: ignore[valid-type]
    for name, command in COMMANDS.items()
}
# Where kombu's JSON holds a value of Python's.
TYPED = '"__type__"'
MAX_CORRELATION_ID = 255


def read_plain(message: BrokerMessage, *, stores_results: bool) -> Delivery | None:
    """The request that a plain message brings; None for any other message, which is to be read the long way."""
    headers, body = message.headers, message.body
    name, id_ = headers.get("task"), headers.get("id")
    reader = BODIES.get(name)
    if reader is None or not isinstance(id_, str) or not isinstance(body, str) or TYPED in body:
        return None
    if headers.get("eta") is not None or headers.get("expires") is not None or id_ in state.revoked:
        return None
    if REPLAY_OF in headers:
        return None
    if stores_results and headers.get("ignore_result") is False:
        return None
    if message.content_type != "application/json" or message.content_encoding != "utf-8":
        return None
    correlation_id = _correlation_id(headers, id_)
    if correlation_id is None:
        return None
    try:
        command = reader.validate_json(body)[1]
    except ValidationError:
        return None
    request = Request(
        command,
        command.correlation_id or correlation_id,
        partial(whole, message, name=name),
        producer=sender_of(message),
    )
    return Delivery(message, name, requests=[request])


def _correlation_id(headers: dict[str, Any], id_: str) -> str | None:
    """The first that is there of those that the envelope looks at, if it is a good one."""
    given = headers.get("correlation_id")
    if given is None:
        given = headers.get("root_id")
    if given is None:
        given = id_
    is_good = isinstance(given, str) and 0 < len(given) <= MAX_CORRELATION_ID and given.isprintable()
    return given if is_good else None
