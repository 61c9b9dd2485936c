"""Stored requests: what a waiting row holds, as the request that it was."""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from ledger.commands import COMMANDS
from ledger.messages import REPLAY_OF, Message, replay_in
from ledger.requests import Request

TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, §3.2


def stored_request(task: str, kwargs: Mapping[str, Any], message: Mapping[str, str], correlation_id: str) -> Request:
    """The request that a waiting row holds."""
    return Request(
        command=COMMANDS[task].model_validate(kwargs),
        correlation_id=correlation_id,
        message=partial(Message.from_text, message) if message else None,
        traceparent=_trace_in(message.get("headers", "")),
        producer=_producer_in(message),
        replay=_replay_in(message.get("headers", "")),
    )


def _producer_in(message: Mapping[str, str]) -> str:
    """Who sent a stored message, out of its properties as text; of most nobody is known."""
    return Message.from_text(message).producer if "user_id" in message.get("properties", "") else ""


def _trace_in(headers: str) -> str:
    """The span that a stored message's sender was in, out of its headers as text; most name none, or none that is."""
    traceparent = json.loads(headers).get("traceparent") if "traceparent" in headers else ""
    return traceparent if isinstance(traceparent, str) and TRACEPARENT.fullmatch(traceparent) else ""


def _replay_in(headers: str) -> str:
    """The replay that a stored message was, out of its headers as text; most were none."""
    return replay_in(json.loads(headers)) if REPLAY_OF in headers else ""
