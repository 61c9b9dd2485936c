"""An account's history: its posted transactions by their sequence, at the same cost wherever it is opened."""

import json
from typing import Any
from uuid import UUID

from ledger.queries.connection import asked_again_if_lost
from ledger.queries.statement import moment_of, rows_of, uuid_of

_COLUMNS = (
    "id",
    "amount",
    "operation",
    "balance_before",
    "balance_after",
    "reference_type",
    "reference_id",
    "description",
    "metadata",
    "created_at",
)
_POSTED_BETWEEN = (
    "SELECT id, amount, operation, balance_before, balance_after, reference_type, reference_id, description, metadata, "
    "created_at FROM credit_transactions "
    "WHERE account_id = %s AND sequence > %s AND sequence <= %s ORDER BY sequence DESC"
)


@asked_again_if_lost
def posted_between(account_id: UUID, *, above: int, up_to: int) -> list[dict[str, Any]]:
    """The account's posted transactions with above < sequence <= up_to, newest first, by the contract's names.

    Declined ones have no sequence and so are never among them. id is a UUID, created_at an aware datetime, metadata
    a mapping; amounts are whole credits.
    """
    return [_transaction(row) for row in rows_of(_POSTED_BETWEEN, [account_id.hex, above, up_to])]


def _transaction(row: tuple[Any, ...]) -> dict[str, Any]:
    transaction = dict(zip(_COLUMNS, row, strict=True))
    transaction["id"] = uuid_of(transaction["id"])
    transaction["metadata"] = json.loads(transaction["metadata"])
    transaction["created_at"] = moment_of(transaction["created_at"])
    return transaction
