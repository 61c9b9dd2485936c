"""Correcting: whether a worker would take a message as it has been corrected, asked before it is sent.

The same models judge here that judge in the workers, so a person reads at once what a worker would say later.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ledger.commands import COMMANDS, Consume, ConsumeMany
from ledger.errors import Refused
from ledger.fields import Text, first_refused
from ledger.links import read_links
from ledger.messages import Message, content_of, moment_of
from ledger.plain_events import EVENTS, PlainEnvelope

MAX_BODY_BYTES = 16 * 1024 * 1024  # no message of the contract comes near
INBOUND = "credits.inbound"  # how the queues that take plain events begin; the others take tasks
DEAD = "credits.dead"  # takes both
_id = TypeAdapter(Text)


def check(message: Message) -> None:
    """Raise Refused, which names the field, where the message could not be carried out as it is."""
    content = content_in(message.body)
    is_task = isinstance(content, list) or "task" in message.headers
    takes_events = message.queue.startswith(INBOUND)
    if is_task and takes_events:
        raise Refused("its queue takes plain events, not tasks", field="body")
    if is_task or not (takes_events or message.queue == DEAD):
        _check_task(message.headers, content)
    else:
        _check_event(content)


def name_of(message: Message) -> str:
    """The task, or the event's type, that a corrected message names; empty where it names none."""
    task = message.headers.get("task")
    if isinstance(task, str):
        return task
    content = content_of(message.body)
    event_type = content.get("event_type") if isinstance(content, dict) else None
    return event_type if isinstance(event_type, str) else ""


def content_in(body: bytes) -> Any:
    """A body as JSON values. Raises Refused for what is no JSON, and for a key that stands twice in one object."""
    if len(body) > MAX_BODY_BYTES:
        raise Refused(f"must be at most {MAX_BODY_BYTES} bytes", field="body")
    return _parsed(body, field="body")


def headers_in(text: str) -> dict[str, Any]:
    """Headers out of JSON text. Raises Refused where it is no object."""
    headers = _parsed(text.encode(errors="surrogatepass"), field="headers", parse_int=_of_64_bits)
    if not isinstance(headers, dict):
        raise Refused("must be a JSON object", field="headers")
    return headers


def _parsed(text: bytes, *, field: str, parse_int: Callable[[str], int] = int) -> Any:
    try:
        return json.loads(text.decode(), parse_constant=_no_number, parse_int=parse_int, object_pairs_hook=_each_once)
    except RecursionError:
        raise Refused("is nested too deeply", field=field) from None
    except ValueError as error:
        raise Refused(f"is not JSON: {error}", field=field) from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _of_64_bits(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueError("an integer does not fit into 64 bits, and so into no header")
    return number


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return fields


def _check_task(headers: Mapping[str, Any], content: Any) -> None:
    name = headers.get("task")
    if not isinstance(name, str) or name not in (*COMMANDS, ConsumeMany.task):
        raise Refused("must name one of the contract's tasks", field="headers.task")
    if not (isinstance(content, list) and len(content) == 3 and isinstance(content[2] or {}, dict)):
        raise Refused("must be [args, kwargs, embed]", field="body")
    args, kwargs, embed = content
    if args:
        raise Refused("use keyword arguments only", field="args")
    if not isinstance(kwargs, dict):
        raise Refused("must be an object", field="kwargs")
    _check_headers(headers)
    try:
        read_links(embed or {})
    except ValueError as error:
        raise Refused(str(error), field="embed") from None
    if name == ConsumeMany.task:
        for number, item in enumerate(_validated(ConsumeMany, kwargs).items):
            _validated(Consume, item, within=f"items.{number}.")
    else:
        _validated(COMMANDS[name], kwargs)


def _check_headers(headers: Mapping[str, Any]) -> None:
    if not isinstance(headers.get("id"), str):
        raise Refused("a task message has an id in its headers", field="headers.id")
    for name in ("eta", "expires"):
        try:
            headers.get(name) is None or moment_of(headers[name])
        except ValueError as error:
            raise Refused(str(error), field=f"headers.{name}") from None
    # The first that is there counts, as for a worker.
    name = next((name for name in ("correlation_id", "root_id") if headers.get(name) is not None), "id")
    try:
        _id.validate_python(headers[name], strict=True)
    except ValidationError as error:
        raise _refused(error, within=f"headers.{name}") from None


def _check_event(content: Any) -> None:
    envelope: PlainEnvelope = _validated(PlainEnvelope, content)
    if envelope.event_type not in EVENTS:
        raise Refused("is not one of those listened to", field="event_type")
    _validated(EVENTS[envelope.event_type], envelope.data, within="data.")


def _validated(model: Any, fields: Any, *, within: str = "") -> Any:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _refused(error, within=within) from None


def _refused(error: ValidationError, *, within: str) -> Refused:
    field, message = first_refused(error)
    return Refused(message, field=f"{within}{field}" or "body")
