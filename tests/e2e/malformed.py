"""Malformed messages, tasks and plain events: what a sender may get wrong, and how each is expected to be parked."""

import json
from dataclasses import dataclass, field
from typing import Any

RIGHT = '[[], {"merchant_id": "MERCHANT", "amount": 1, "reference_type": "export", "reference_id": "ID"}, {}]'
EVENT = "evt.billing.credits.purchased.v1"
RIGHT_DATA = '{"merchant_id": "MERCHANT", "credits": 5, "purchase_id": "ID"}'
RIGHT_EVENT = f'{{"event_type": "{EVENT}", "data": {RIGHT_DATA}}}'


@dataclass(frozen=True)
class Malformed:
    """One message, and how it is expected to be parked. In texts MERCHANT and ID stand for what a test fills in."""

    reason: str
    field: str
    body: str | bytes = '[[], {"merchant_id": "MERCHANT"}, {}]'
    task: Any = "credits.consume"
    headers: dict[str, Any] = field(default_factory=dict)
    content_type: str = "application/json"
    content_encoding: str = "utf-8"
    without: tuple[str, ...] = ()


def right(old: str = "", new: str = "", **parts: Any) -> dict[str, Any]:
    """A task's message that is right but for what is replaced in its body, and for its other parts."""
    return {"body": RIGHT.replace(old, new) if old else RIGHT, **parts}


def header(**headers: Any) -> dict[str, Any]:
    """A task's message that is right but for these headers."""
    return right(headers=headers)


# Readable by nobody, whatever it is: a task or a plain event.
UNREADABLE = {
    "not JSON": Malformed("not_json", "body", body="{not json ID"),
    "not text": Malformed("not_json", "body", body=b"\xff\xfe\x00ID"),
    "text in two codes": Malformed("not_json", "body", body=b'[[], {"a": "\xe4ID"}, {}]'),
    "nothing but a NUL": Malformed("not_json", "body", body=b"\x00ID"),
    "JSON behind a byte order mark": Malformed("not_json", "body", body=b"\xef\xbb\xbf" + RIGHT.encode()),
    "JSON that goes on": Malformed("not_json", "body", body=RIGHT + "]"),
    "nested without end": Malformed("not_json", "body", body="[" * 100_000 + '"ID"'),
    "an integer of 5,000 digits": Malformed("not_json", "body", body='["ID", ' + "9" * 5_000 + "]"),
    "a typed value of kombu's that is none": Malformed(
        "not_json", "body", body='[[], {"a": {"__type__": "uuid", "__value__": "ID"}}, {}]'
    ),
    "pickle": Malformed("not_json", "body", body=b"\x80\x04ID", content_type="application/x-python-serialize"),
    "yaml": Malformed("not_json", "body", body="- [ID]\n", content_type="application/x-yaml"),
    "JSON of a content type unheard of": Malformed("not_json", "body", **right(content_type="application/x-ID")),
    "garbage said to be compressed": Malformed("not_json", "body", body=b"\x01ID", headers={"compression": "zlib"}),
    "compressed in a way unheard of": Malformed("not_json", "body", **header(compression="application/x-nothing")),
    "compressed, but the way is a list": Malformed("not_json", "body", **header(compression=["zlib"])),
    "four megabytes of noise": Malformed("not_json", "body", body="ID" + "x" * 4_000_000),
}
MALFORMED = {
    **UNREADABLE,
    "data of no type": Malformed("not_a_task", "body", **right(content_type="application/data")),
    "no task header": Malformed("not_a_task", "task", body=RIGHT, without=("task",)),
    "a body of two": Malformed("not_a_task", "body", body="[[], {}]"),
    "a body that is an object": Malformed("not_a_task", "body", body='{"amount": 1}'),
    "a body that is null": Malformed("not_a_task", "body", body="null"),
    "a body that is a number": Malformed("not_a_task", "body", body="7"),
    "a body that is not a number": Malformed("not_a_task", "body", body="NaN"),
    "kwargs no mapping": Malformed("not_a_task", "kwargs", body='[[], ["amount", 1], {}]'),
    "kwargs null": Malformed("not_a_task", "kwargs", body="[[], null, {}]"),
    "embed no mapping": Malformed("not_a_task", "body", body="[[], {}, [1]]"),
    "no id": Malformed("not_a_task", "id", body=RIGHT, without=("id",)),
    "an id that is a number": Malformed("not_a_task", "id", **header(id=7)),
    "an id that is a list": Malformed("not_a_task", "id", **header(id=["a"])),
    "an unhashable task": Malformed("not_a_task", "", body=RIGHT, task=["credits.consume"]),
    "a task that is an object": Malformed("not_a_task", "", body=RIGHT, task={"name": "credits.consume"}),
    "a task that is null": Malformed("not_a_task", "task", body=RIGHT, task=None),
    "a task that is a number": Malformed("not_a_task", "task", body=RIGHT, task=7),
    "a task of bytes": Malformed("not_a_task", "task", body=RIGHT, task=b"\xff\xfe"),
    "a task with NUL": Malformed("unknown_task", "task", body=RIGHT, task="credits.consume\0"),
    "an unknown task": Malformed("unknown_task", "task", body=RIGHT, task="credits.consume_everything"),
    "a task of Celery's own": Malformed("unknown_task", "task", body=RIGHT, task="celery.no_such_task"),
    "positional arguments": Malformed("positional_arguments", "args", body='[["MERCHANT", 1], {}, {}]'),
    "a missing field": Malformed("invalid_field", "reference_type"),
    "an unknown field": Malformed("invalid_field", "colour", **right('"amount"', '"colour": 1, "amount"')),
    "a field's name with NUL": Malformed(
        "invalid_field", "a\N{REPLACEMENT CHARACTER}b", **right('"amount"', r'"a\u0000b": 1, "amount"')
    ),
    "a number as text": Malformed("invalid_field", "amount", **right(": 1", ': "1"')),
    "a boolean amount": Malformed("invalid_field", "amount", **right(": 1", ": true")),
    "an amount that is not a number": Malformed("invalid_field", "amount", **right(": 1", ": NaN")),
    "an infinite amount": Malformed("invalid_field", "amount", **right(": 1", ": Infinity")),
    "an amount beyond all bounds": Malformed("invalid_field", "amount", **right(": 1", f": {10**300}")),
    "an amount in a typed value of kombu's": Malformed(
        "invalid_field", "amount", **right(": 1", ': {"__type__": "decimal", "__value__": "1"}')
    ),
    "NUL in a field": Malformed("invalid_field", "reference_id", **right("ID", r"ID\u0000")),
    "a lone surrogate": Malformed("invalid_field", "reference_id", **right("ID", r"ID\ud800")),
    "NaN within metadata": Malformed("invalid_field", "metadata", **right("1,", '1, "metadata": {"a": NaN},')),
    "metadata without end": Malformed(
        "invalid_field", "metadata", **right("1,", f'1, "metadata": {{"a": {"[" * 200}{"]" * 200}}},')
    ),
    "a description of two megabytes": Malformed(
        "invalid_field", "description", **right("1,", f'1, "description": "{"x" * 2_000_000}",')
    ),
    "a broken eta": Malformed("invalid_field", "eta", **header(eta="soon")),
    "an eta that is a number": Malformed("invalid_field", "eta", **header(eta=5)),
    "an eta that is an object": Malformed("invalid_field", "eta", **header(eta={"at": 1})),
    "an eta at the end of time": Malformed("invalid_field", "eta", **header(eta="9999-12-31T23:59:59Z")),
    "an eta beyond the end of time": Malformed("invalid_field", "eta", **header(eta="9999-12-31T23:59:59-14:00")),
    "an eta in the year 99999": Malformed("invalid_field", "eta", **header(eta="99999-01-01T00:00:00Z")),
    "a broken expires": Malformed("invalid_field", "expires", **header(expires="never")),
    "an expires before all time": Malformed("invalid_field", "expires", **header(expires="0001-01-01T00:00:00+14:00")),
    "an expires that is a list": Malformed("invalid_field", "expires", **header(expires=["2030-01-01"])),
    "a correlation id with NUL": Malformed("invalid_field", "correlation_id", **header(correlation_id="a\u0001b")),
    "a correlation id too long": Malformed("invalid_field", "correlation_id", **header(correlation_id="c" * 256)),
    "a correlation id that is a list": Malformed("invalid_field", "correlation_id", **header(correlation_id=["c"])),
}


def event(old: str = "", new: str = "", **parts: Any) -> dict[str, Any]:
    """A plain event that is right but for what is replaced in it, and for its other parts."""
    return {"body": RIGHT_EVENT.replace(old, new) if old else RIGHT_EVENT, **parts}


def envelope(**fields: Any) -> dict[str, Any]:
    """A plain event with these fields in its envelope."""
    return event('"data"', f'{json.dumps(fields)[1:-1]}, "data"')


MALFORMED_EVENTS = {
    **UNREADABLE,
    "an event of no content type": Malformed("invalid_field", "", **event(content_type="application/data")),
    "an event that is a list": Malformed("invalid_field", "", body=RIGHT),
    "an event that is null": Malformed("invalid_field", "", body="null", headers={"is": "null"}),
    "an event that is not a number": Malformed("invalid_field", "", body="NaN"),
    "no event type": Malformed("invalid_field", "event_type", body=f'{{"data": {RIGHT_DATA}}}'),
    "an event type that is a list": Malformed("invalid_field", "event_type", **event(f'"{EVENT}"', f'["{EVENT}"]')),
    "an event type with NUL": Malformed("invalid_field", "event_type", **event(EVENT, EVENT + r"\u0000")),
    "an event type that nobody listens to": Malformed(
        "invalid_field", "event_type", **event(EVENT, "evt.unheard.of.v1")
    ),
    "no data": Malformed("invalid_field", "data", body=f'{{"event_type": "{EVENT}", "token": "ID"}}'),
    "data that is a list": Malformed("invalid_field", "data", **event(RIGHT_DATA, f"[{RIGHT_DATA}]")),
    "a missing field": Malformed("invalid_field", "data.credits", **event('"credits": 5, ', "")),
    "credits as text": Malformed("invalid_field", "data.credits", **event(": 5", ': "5"')),
    "credits that are not a number": Malformed("invalid_field", "data.credits", **event(": 5", ": NaN")),
    "credits beyond all bounds": Malformed("invalid_field", "data.credits", **event(": 5", f": {10**300}")),
    "NUL in an event's field": Malformed("invalid_field", "data.purchase_id", **event("ID", r"ID\u0000")),
    "a merchant that is none": Malformed("invalid_field", "data.merchant_id", **event("MERCHANT", "everybody")),
    "an event id that is a number": Malformed("invalid_field", "event_id", **envelope(event_id=7)),
    "a time that is none": Malformed("invalid_field", "timestamp", **envelope(timestamp="yesterday")),
    "a time after all times": Malformed(
        "invalid_field", "timestamp", **envelope(timestamp="9999-12-31T23:59:59-14:00")
    ),
    "metadata that is a list": Malformed("invalid_field", "metadata", **envelope(metadata=[1])),
    "a correlation id that is a number": Malformed("invalid_field", "correlation_id", **envelope(correlation_id=7)),
    "a correlation id of an event with NUL": Malformed(
        "invalid_field", "correlation_id", **envelope(correlation_id="a\0b")
    ),
}

# Headers that a sender has no business with; a right command is applied with them, once, all the same.
FORGED: dict[str, dict[str, Any]] = {
    "deaths that are a text": {"x-death": "often"},
    "deaths that are no objects": {"x-death": ["often", 7, None]},
    "deaths without number": {"x-death": [{"count": 10**9, "reason": ["x"], "routing-keys": {"a": 1}}]},
    "a first death in a queue of somebody's": {"x-first-death-queue": "queue\0of somebody"},
    "deliveries without number": {"x-delivery-count": 2**62},
    "deliveries that are a text": {"x-delivery-count": "many"},
    "fewer deliveries than none": {"x-delivery-count": -1},
    "a replay that never was": {"x-credits-replay": "0190a0b0-0000-7000-8000-000000000000/7"},
    "a replay that is an object": {"x-credits-replay": {"a": [1]}},
    "another name": {"x-credits-name": ["credits.purchase"]},
    "retries that are a text": {"retries": "many"},
    "limits of time that are none": {"timelimit": "long"},
    "a group that is an object": {"group": {"a": 1}, "group_index": "x", "parent_id": ["y"], "shadow": 7},
    "a trace that is none": {"traceparent": "00-ID-\0", "tracestate": [1]},
    "an expiry that is null": {"expires": None, "eta": None},
}
