"""One transaction of an account, whatever became of it, with what it aims at and what came of it later."""

import json
from typing import Any
from uuid import UUID

from ledger import dialect
from ledger.queries.connection import asked_again_if_lost
from ledger.queries.statement import moment_of, rows_of, uuid_of

_COLUMNS = (
    "id", "status", "reason", "amount", "operation", "kind", "balance_before", "balance_after", "total_granted",
    "total_consumed", "total_expired", "reference_type", "reference_id", "allocations", "description", "metadata",
    "correlation_id", "created_at",
)  # fmt: skip
_REVERSED = (
    "(SELECT COALESCE(sum(r.amount), 0) FROM credit_transactions r "
    "WHERE r.target_id = t.id AND r.kind = 'reverse' AND r.status = 'posted')"
)


@asked_again_if_lost
def transaction_of(account_id: UUID, transaction_id: UUID) -> dict[str, Any] | None:
    """The account's transaction with that id, by the contract's names; None where it has none.

    lots are those that it took from or gave back to, reversed is how many of its credits were reversed since.
    """
    named = ", ".join(f"t.{name}" for name in _COLUMNS)
    retried_by = dialect.current().retried_by("t")
    sql = (
        f"SELECT {named}, target.reference_type, target.reference_id, {retried_by}, {_REVERSED} "
        "FROM credit_transactions t LEFT JOIN credit_transactions target ON target.id = t.target_id "
        "WHERE t.id = %s AND t.account_id = %s"
    )
    rows = rows_of(sql, [transaction_id.hex, account_id.hex])
    return _transaction(rows[0]) if rows else None


def _transaction(row: tuple[Any, ...]) -> dict[str, Any]:
    *own, target_type, target_id, retried_by, reversed_ = row
    transaction = dict(zip(_COLUMNS, own, strict=True))
    transaction["id"] = uuid_of(transaction["id"])
    transaction["reason"] = transaction["reason"] or None
    transaction["metadata"] = json.loads(transaction["metadata"])
    transaction["created_at"] = moment_of(transaction["created_at"])
    transaction["lots"] = [
        {"id": lot_id, "amount": part} for lot_id, part in json.loads(transaction.pop("allocations"))
    ]
    transaction["target"] = target_type and {"reference_type": target_type, "reference_id": target_id}
    transaction["retried_by"] = retried_by and uuid_of(retried_by)
    transaction["reversed"] = int(reversed_)
    return transaction
