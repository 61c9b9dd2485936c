"""The hash chain: each row's digest takes in the one before, so that no row changes, comes or goes unnoticed.

A digest is SHA-256 over the canonical JSON (sorted keys, no spaces, times in UTC with microseconds) of the row and of
the digest before it. Description and metadata enter by a salted digest of their own: with the salt gone nobody can
guess them back out of it, and the chain still holds.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

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

EXACT = 2**53  # beyond it a database may hand back an integer for a float, and the other way round

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode


def content_digest(description: str, metadata: Mapping[str, Any], *, salt: str) -> str:
    """The digest of what may be personal, 64 hexadecimal digits; empty where there is nothing."""
    if not description and not metadata:
        return ""
    return _hashed({"salt": salt, "description": description, "metadata": _as_stored(metadata)})


def row_digest(previous: str, row: Mapping[str, Any]) -> str:
    """The digest of a row, 64 hexadecimal digits. row holds COVERED; its time is an aware datetime.

    A producer counts where there is one: rows from before it was recorded keep the digests that they have.
    """
    covered = {name: row[name] for name in COVERED}
    if not covered["producer"]:
        del covered["producer"]
    covered["created_at"] = rfc3339(covered["created_at"])
    covered["previous"] = previous
    return _hashed(covered)


def _hashed(value: Mapping[str, Any]) -> str:
    return sha256(_canonical(value).encode()).hexdigest()


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
