"""The hash chain: each row's digest takes in the one before, so that no row changes, comes or goes unnoticed.

A digest is SHA-256 over the canonical JSON (sorted keys, no spaces, times in UTC with microseconds) of the row and of
the digest before it. Description and metadata enter by a salted digest of their own: with the salt gone nobody can
guess them back out of it, and the chain still holds.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from operator import itemgetter
from typing import Any

from pydantic_core import to_json

from ledger.events import rfc3339

START = ""  # before an account's first row
COVERED = (
    "id",
    "account_id",
    "merchant_id",
    "number",
    "sequence",
    "status",
    "kind",
    "operation",
    "amount",
    "stated_amount",
    "balance_before",
    "balance_after",
    "total_granted",
    "total_consumed",
    "total_expired",
    "reference_type",
    "reference_id",
    "target_id",
    "allocations",
    "terms",
    "reason",
    "actor",
    "producer",
    "correlation_id",
    "created_at",
    "content_digest",
)

_ENUMERATED = ("status", "kind", "operation")
_IN_ORDER = tuple(sorted({*COVERED, "previous"}))
_WITHOUT_PRODUCER = tuple(name for name in _IN_ORDER if name != "producer")
_values_of = {names: itemgetter(*names) for names in (_IN_ORDER, _WITHOUT_PRODUCER)}
EXACT = 2**53  # beyond it a database may hand back an integer for a float, and the other way round

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode


def content_digest(description: str, metadata: Mapping[str, Any], *, salt: str) -> str:
    """The digest of what may be personal, 64 hexadecimal digits; empty where there is nothing."""
    if not description and not metadata:
        return ""
    if _is_flat(metadata):
        flat = dict(sorted(metadata.items()))
        return _digest(to_json({"description": description, "metadata": flat, "salt": salt}))
    return _hashed({"salt": salt, "description": description, "metadata": _as_stored(metadata)})


def row_digest(previous: str, row: Mapping[str, Any]) -> str:
    """The digest of a row, 64 hexadecimal digits. row holds COVERED; its time is an aware datetime.

    A producer counts where there is one: rows from before it was recorded keep the digests that they have.
    """
    whole = {**row, "created_at": rfc3339(row["created_at"]), "previous": previous}
    for name in _ENUMERATED:
        whole[name] = str(whole[name])
    names = _IN_ORDER if whole["producer"] else _WITHOUT_PRODUCER
    covered = dict(zip(names, _values_of[names](whole), strict=True))
    return _hashed(covered) if covered["terms"] else _digest(to_json(covered))


def _hashed(value: Mapping[str, Any]) -> str:
    return _digest(_canonical(value).encode())


def _digest(canonical: bytes) -> str:
    return sha256(canonical).hexdigest()


def _is_flat(metadata: Mapping[str, Any]) -> bool:
    """Whether it holds nothing whose parts have an order, and no number that may be written in two ways.

    pydantic's writer of JSON, many times as fast, then writes the canonical form: it sorts nothing, and its floats
    look otherwise. Row digests are such but for their terms.
    """
    return all(
        value is None or isinstance(value, str | bool) or (type(value) is int and -EXACT < value < EXACT)
        for value in metadata.values()
    )


def _as_stored(value: Any) -> Any:
    """The value with each number as every database gives it back: 1e5 may come back as 100000."""
    if isinstance(value, Mapping):
        return {key: _as_stored(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_as_stored(part) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if -EXACT < value < EXACT and value == int(value):
        return int(value)
    try:
        return float(value)
    except OverflowError:
        return value
