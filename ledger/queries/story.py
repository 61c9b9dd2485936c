"""The story of one correlation id: all that the database tells of it, from the message to the notice, in time order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from ledger.models import (
    Account,
    AccountChange,
    OutboxRow,
    ParkedMessage,
    ShopDifference,
    Transaction,
    WaitingCommand,
)

ROWS_AT_MOST = 200  # of each table


class Kind(StrEnum):
    """What a story's entry tells of."""

    OPENED = "opened"
    PARKED = "parked"
    SETTLED = "settled"  # a person replayed or dismissed a parked message
    WAITING = "waiting"
    DIFFERENCE = "difference"
    CHANGED = "changed"  # an account was, without moving credits
    TRANSACTION = "transaction"
    OUTBOX = "outbox"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, when, and the row that tells of it."""

    at: datetime
    kind: Kind
    row: Model


@dataclass(frozen=True, slots=True)
class Story:
    """Entries in the order of time; cut names the tables of which only the first ROWS_AT_MOST rows are told."""

    correlation_id: str
    entries: list[Entry]
    cut: list[str]


Row = TypeVar("Row", bound=Model)
# What an entry is sorted by: the moment, then at one moment the rank and what is particular to the rank.
_Ordered = tuple[datetime, int, tuple[Any, ...], Entry]


def story(correlation_id: str) -> Story:
    """The story of a correlation id, by seven bounded look-ups; without entries where nothing has that id."""
    cut: list[str] = []

    def first(rows: QuerySet[Row]) -> list[Row]:
        found = list(rows.filter(correlation_id=correlation_id)[: ROWS_AT_MOST + 1])
        if len(found) > ROWS_AT_MOST:
            cut.append(str(rows.model._meta.verbose_name_plural))
        return found[:ROWS_AT_MOST]

    ordered = [
        *_of_accounts(first(Account.objects.order_by("id"))),
        *_of_parked(first(ParkedMessage.objects.order_by("id"))),
        *_of_waiting(first(WaitingCommand.objects.order_by("id"))),
        *_of_differences(first(ShopDifference.objects.order_by("id").select_related("account"))),
        *_of_changes(first(AccountChange.objects.order_by("id").select_related("account"))),
        *_of_transactions(
            first(Transaction.objects.order_by("id").select_related("account")),
            first(OutboxRow.objects.order_by("id").select_related("batch")),
        ),
    ]
    ordered.sort(key=lambda item: item[:3])
    return Story(correlation_id, [item[3] for item in ordered], cut)


def _of_accounts(accounts: Sequence[Account]) -> Iterator[_Ordered]:
    for account in accounts:
        yield account.created_at, 3, (str(account.pk),), Entry(account.created_at, Kind.OPENED, account)


def _of_parked(messages: Sequence[ParkedMessage]) -> Iterator[_Ordered]:
    for message in messages:
        yield message.first_seen_at, 0, (message.pk,), Entry(message.first_seen_at, Kind.PARKED, message)
        if message.resolved_at is not None:
            yield message.resolved_at, 1, (message.pk,), Entry(message.resolved_at, Kind.SETTLED, message)


def _of_waiting(commands: Sequence[WaitingCommand]) -> Iterator[_Ordered]:
    for command in commands:
        yield command.arrived_at, 2, (command.pk,), Entry(command.arrived_at, Kind.WAITING, command)


def _of_differences(differences: Sequence[ShopDifference]) -> Iterator[_Ordered]:
    for difference in differences:
        yield difference.seen_at, 4, (difference.pk,), Entry(difference.seen_at, Kind.DIFFERENCE, difference)


def _of_changes(changes: Sequence[AccountChange]) -> Iterator[_Ordered]:
    for change in changes:
        yield change.changed_at, 4, (change.pk,), Entry(change.changed_at, Kind.CHANGED, change)


def _of_transactions(transactions: Sequence[Transaction], outbox: Sequence[OutboxRow]) -> Iterator[_Ordered]:
    """Transactions in the order in which their accounts saw them, each followed by what it told."""
    first_told: dict[UUID | None, int] = {}
    for row in outbox:
        told = row.account_sequence or 0
        first_told[row.transaction_id] = min(told, first_told.get(row.transaction_id, told))
    place: dict[UUID | None, tuple[datetime, tuple[Any, ...]]] = {}
    for transaction in transactions:
        within = (str(transaction.account_id), first_told.get(transaction.pk, 0), transaction.sequence or 0)
        place[transaction.pk] = (transaction.created_at, (*within, str(transaction.pk)))
        entry = Entry(transaction.created_at, Kind.TRANSACTION, transaction)
        yield transaction.created_at, 5, (*place[transaction.pk][1], 0, 0), entry
    for row in outbox:
        moment, within_moment = place.get(row.transaction_id, (row.created_at, ()))
        rank, order = (5, (*within_moment, 1, row.account_sequence or 0)) if within_moment else (6, (str(row.pk),))
        yield moment, rank, order, Entry(row.created_at, Kind.OUTBOX, row)
