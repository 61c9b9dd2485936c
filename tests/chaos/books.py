"""The books at one moment, by plain SELECTs of the contract's tables and those beside them."""

import json
from dataclasses import dataclass
from typing import Any

from tests.chaos.stage import Stage
from tests.chaos.tally import Reference


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the ledger."""

    id: str
    merchant: str
    status: str
    operation: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class Books:
    """What the service's database holds."""

    rows: dict[Reference, Row]
    balances: dict[str, int]
    domains: dict[str, str]
    event_sequences: dict[str, int]
    holds: dict[str, str]
    waiting: list[str]  # tokens: a producer's repeat of a request has its correlation id, and a token of its own
    parked: dict[str, tuple[str, int]]  # by token: why, and in how many rows
    unpublished: int


def read(stage: Stage) -> Books:
    """All of it."""
    rows = stage.execute(
        "SELECT reference_type, reference_id, id::text, merchant_id::text, status, operation, amount, reason "
        "FROM credit_transactions"
    )
    accounts = stage.execute("SELECT merchant_id::text, balance, shop_domain, event_sequence FROM credit_accounts")
    holds = stage.execute("SELECT reference_id, status FROM credit_holds")
    waiting = stage.execute("SELECT message->>'headers' FROM credit_waiting ORDER BY id")
    unpublished = stage.execute("SELECT count(*) FROM credit_outbox_batches WHERE published_at IS NULL")
    return Books(
        rows={(row[0], row[1]): Row(*row[2:]) for row in rows},
        balances={row[0]: row[1] for row in accounts},
        domains={row[0]: row[2] for row in accounts},
        event_sequences={row[0]: row[3] for row in accounts},
        holds=dict(holds),
        waiting=[str(json.loads(headers).get("token")) for (headers,) in waiting],
        parked=_parked(stage.execute("SELECT headers, reason FROM credit_parked")),
        unpublished=unpublished[0][0],
    )


def _parked(rows: list[tuple[Any, ...]]) -> dict[str, tuple[str, int]]:
    parked: dict[str, tuple[str, int]] = {}
    for text, reason in rows:
        headers = json.loads(text)
        token = str(headers.get("token"))
        place = str(headers.get("id", "")).partition(":")[2]  # an item of consume_many
        key = f"{token}:{place}" if place else token
        parked[key] = (reason, parked.get(key, ("", 0))[1] + 1)
    return parked
