"""Moving in: rows of the predecessor, entered by the rules' own hand: credits open lots, debits burn them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger.fields import Category
from ledger.predecessor.rows import OldTransaction
from ledger.rules.bookkeeping import Bookkeeper
from ledger.rules.movements import Movement
from ledger.rules.state import AccountState, Entry, Kind, Operation, Reference
from ledger.rules.terms import LotTerms, Terms

MAX_DESCRIPTION = 1000
# A credit whose reference is of that type is of that kind, as if its own command had posted it.
KINDS = {"trial": Kind.TRIAL, "purchase": Kind.PURCHASE}


def enter_row(
    keeper: Bookkeeper, account: AccountState, row: OldTransaction, *, reference: Reference, imported: Mapping[str, Any]
) -> Entry:
    """Enter a row of the predecessor's under that reference; imported is what is kept of it beside."""
    kind = KINDS.get(reference[0], Kind.GRANT) if row.is_credit else Kind.CONSUME
    movement = Movement(
        merchant_id=account.merchant_id,
        kind=kind,
        operation=Operation.CREDIT if row.is_credit else Operation.DEBIT,
        amount=row.amount,
        stated_amount=None if kind is Kind.TRIAL else row.amount,
        reference_type=reference[0],
        reference_id=reference[1],
        description=row.description[:MAX_DESCRIPTION],
        metadata=row.metadata,
        terms=Terms(lot=_lot(kind) if row.is_credit else None, imported=imported),
        correlation_id=_correlation_id(account),
    )
    return _enter(keeper, account, movement, amount=row.amount, at=row.created_at)


def enter_difference(
    keeper: Bookkeeper, account: AccountState, change: int, *, name: str, description: str, at: datetime
) -> Entry:
    """Enter a row of ours, `import` / `<account id>:<name>`, which makes the predecessor's balances add up."""
    is_credit = change > 0
    movement = Movement(
        merchant_id=account.merchant_id,
        kind=Kind.IMPORT,
        operation=Operation.CREDIT if is_credit else Operation.DEBIT,
        amount=abs(change),
        stated_amount=None,
        reference_type="import",
        reference_id=f"{account.id}:{name}",
        description=description,
        metadata={},
        terms=Terms(lot=_lot(Kind.IMPORT) if is_credit else None),
        correlation_id=_correlation_id(account),
    )
    return _enter(keeper, account, movement, amount=abs(change), at=at)


def arm(keeper: Bookkeeper, account: AccountState) -> None:
    """Arm the account, or not: nothing was told, so the next fall below the threshold is told if it lies ahead."""
    account.armed = account.balance >= account.threshold(keeper.policy)
    keeper.date(account, account.updated_at)


def _enter(keeper: Bookkeeper, account: AccountState, movement: Movement, *, amount: int, at: datetime) -> Entry:
    if movement.operation is Operation.CREDIT:
        entry = keeper.post(account, movement, amount=amount, at=at)
        keeper.lots.open(account, entry, movement.terms.lot or LotTerms())
        return entry
    taken = account.lots.choose(amount)
    keeper.lots.take(account, taken)
    return keeper.post(account, movement, amount=amount, allocations=taken, at=at)


def _lot(kind: Kind) -> LotTerms:
    return LotTerms(category=Category.PAID if kind is Kind.PURCHASE else Category.PROMOTIONAL)


def _correlation_id(account: AccountState) -> str:
    return f"import:{account.id}"
