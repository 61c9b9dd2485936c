"""Loading: open what the batch opens, lock its accounts, read the clock, look up references and what waits."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection

from ledger.commands import COMMANDS, OpenAccount
from ledger.identifiers import new_id
from ledger.journal import dialect
from ledger.journal.dialect import BOOLEAN, INTEGER, MOMENT, TEXT, UUID_
from ledger.messages import Message
from ledger.outcomes import Status
from ledger.requests import Request
from ledger.rules.movements import movement_of
from ledger.rules.state import AccountState, Books, Held, Operation, Policy, Reference, Waiting

MERCHANT = {"merchant_id": UUID_}
REFERENCE = {"reference_type": TEXT, "reference_id": TEXT}
ACCOUNT = {
    "id": UUID_,
    "merchant_id": UUID_,
    "platform_name": TEXT,
    "platform_shop_id": TEXT,
    "shop_domain": TEXT,
    "balance": INTEGER,
    "total_granted": INTEGER,
    "total_consumed": INTEGER,
    "sequence": INTEGER,
    "event_sequence": INTEGER,
    "armed": BOOLEAN,
    "updated_at": MOMENT,
}
NEW_ACCOUNT = {**ACCOUNT, "correlation_id": TEXT, "created_at": MOMENT}
MAX_DRAINED = 500  # what one opening posts of what was waiting for it; the sweep posts the rest


class Drain(Enum):
    """What opening an account posts in the same transaction of what was waiting for it."""

    DUE = "due"
    NOTHING = "nothing"


def load(requests: Sequence[Request], policy: Policy, *, drain: Drain) -> Books:
    """The books for a batch, its accounts locked in the order of their merchants' ids until the transaction ends.

    The look-up of references is a statement of its own: one that locked as well would see what was there before
    it got the lock.
    """
    ready = [request for request in requests if request.due_at is None]
    opened = _insert_accounts(ready)
    accounts = _lock_accounts({request.command.merchant_id for request in ready})
    now = dialect.current().clock()
    waiting = _lock_waiting(opened, now) if drain is Drain.DUE else {}
    stored = [w.request for of_merchant in waiting.values() for w in of_merchant]
    return Books(
        now=now,
        accounts={merchant: account for merchant, account in accounts.items() if merchant not in opened},
        opening={merchant: account for merchant, account in accounts.items() if merchant in opened},
        held=_look_up(_references([*ready, *stored], policy)),
        waiting=waiting,
    )


def _insert_accounts(requests: Iterable[Request]) -> set[UUID]:
    """Insert the accounts that are not there yet; the ids of the merchants whose account is new."""
    first: dict[UUID, tuple[OpenAccount, str]] = {}
    for request in requests:
        if isinstance(request.command, OpenAccount):
            first.setdefault(request.command.merchant_id, (request.command, request.correlation_id))
    if not first:
        return set()
    now = dialect.current().clock()
    rows = [_new_account(*first[merchant_id], now) for merchant_id in sorted(first)]
    sql = dialect.insert("credit_accounts", NEW_ACCOUNT, on_conflict="(merchant_id) DO NOTHING RETURNING merchant_id")
    with connection.cursor() as cursor:
        cursor.execute(sql, [dialect.recordset(rows)])
        return {dialect.current().uuid(row[0]) for row in cursor.fetchall()}


def _new_account(command: OpenAccount, correlation_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "merchant_id": command.merchant_id,
        "platform_name": command.platform_name,
        "platform_shop_id": command.platform_shop_id,
        "shop_domain": command.shop_domain,
        "balance": 0,
        "total_granted": 0,
        "total_consumed": 0,
        "sequence": 0,
        "event_sequence": 0,
        "armed": True,
        "correlation_id": correlation_id,
        "created_at": now,
        "updated_at": now,
    }


def _lock_accounts(merchants: set[UUID]) -> dict[UUID, AccountState]:
    if not merchants:
        return {}
    spoken = dialect.current()
    sql = (
        f"SELECT {', '.join(ACCOUNT)} FROM credit_accounts WHERE merchant_id IN "
        f"(SELECT {spoken.column('merchant_id')} FROM {spoken.source(MERCHANT)}) ORDER BY merchant_id {spoken.lock}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [dialect.recordset({"merchant_id": merchant} for merchant in merchants)])
        states = [_account(row) for row in cursor.fetchall()]
    return {state.merchant_id: state for state in states}


def _account(row: Sequence[Any]) -> AccountState:
    values = dict(zip(ACCOUNT, row, strict=True))
    spoken = dialect.current()
    values["id"] = spoken.uuid(values["id"])
    values["merchant_id"] = spoken.uuid(values["merchant_id"])
    values["armed"] = bool(values["armed"])
    values["updated_at"] = spoken.moment(values["updated_at"])
    return AccountState(**values)


def _lock_waiting(merchants: set[UUID], now: Any) -> dict[UUID, list[Waiting]]:
    """What waits for these merchants and whose time has come, in order of arrival, MAX_DRAINED at most."""
    if not merchants:
        return {}
    spoken = dialect.current()
    sql = (
        "SELECT id, merchant_id, task, kwargs, message, correlation_id FROM credit_waiting WHERE merchant_id IN "
        f"(SELECT {spoken.column('merchant_id')} FROM {spoken.source(MERCHANT)}) "
        f"AND due_at <= %s AND NOT send_again ORDER BY id LIMIT {MAX_DRAINED} {spoken.lock_free_ones}"
    )
    waiting: dict[UUID, list[Waiting]] = {}
    with connection.cursor() as cursor:
        rows = dialect.recordset({"merchant_id": merchant} for merchant in sorted(merchants))
        cursor.execute(sql, [rows, spoken.encode(now)])
        for row, merchant_id, task, kwargs, message, correlation_id in cursor.fetchall():
            request = stored_request(task, json.loads(kwargs), json.loads(message), correlation_id)
            waiting.setdefault(spoken.uuid(merchant_id), []).append(Waiting(request, row))
    return waiting


def stored_request(task: str, kwargs: Mapping[str, Any], message: Mapping[str, str], correlation_id: str) -> Request:
    """The request that a waiting row holds."""
    return Request(
        command=COMMANDS[task].model_validate(kwargs),
        correlation_id=correlation_id,
        message=partial(Message.from_text, message) if message else None,
    )


def _references(requests: Iterable[Request], policy: Policy) -> set[Reference]:
    movements = (
        movement_of(request.command, policy) for request in requests if not isinstance(request.command, OpenAccount)
    )
    return {(movement.reference_type, movement.reference_id) for movement in movements}


def _look_up(references: set[Reference]) -> dict[Reference, Held]:
    """The transactions that hold these references."""
    if not references:
        return {}
    spoken = dialect.current()
    sql = (
        "SELECT t.reference_type, t.reference_id, t.id, t.merchant_id, t.operation, t.status, t.amount, "
        f"t.stated_amount, t.balance_after, t.reason FROM {spoken.source(REFERENCE)} JOIN credit_transactions t "
        f"ON t.reference_type = {spoken.column('reference_type')} AND t.reference_id = {spoken.column('reference_id')}"
    )
    rows = ({"reference_type": type_, "reference_id": id_} for type_, id_ in references)
    with connection.cursor() as cursor:
        cursor.execute(sql, [dialect.recordset(rows)])
        return {(row[0], row[1]): _held(row[2:]) for row in cursor.fetchall()}


def _held(row: Sequence[Any]) -> Held:
    transaction_id, merchant_id, operation, status, amount, stated_amount, balance, reason = row
    spoken = dialect.current()
    return Held(
        transaction_id=spoken.uuid(transaction_id),
        merchant_id=spoken.uuid(merchant_id),
        operation=Operation(operation),
        status=Status(status),
        amount=amount,
        stated_amount=stated_amount,
        balance=balance,
        reason=reason or None,
    )
