"""Accounts: what changes about one without moving credits: frozen or not, its threshold, its shop."""

from collections.abc import Callable
from typing import Any

from ledger.commands import ChangeShop, Command
from ledger.instructions import Freeze, Instruction, MoveShop, SetThreshold, Thaw
from ledger.outcomes import Outcome, Status
from ledger.requests import Request
from ledger.rules.batch import Change
from ledger.rules.bookkeeping import Bookkeeper
from ledger.rules.state import AccountState


def changes(command: Command) -> bool:
    """Whether a command changes an account without moving credits."""
    return type(command) in _CHANGES


def change(keeper: Bookkeeper, account: AccountState, request: Request) -> Outcome:
    """Carry out a change and note who asked for it; unchanged where it says what is so already, or is older."""
    what, before, after = _CHANGES[type(request.command)](account, request.command)
    if before == after:
        keeper.date(account, account.updated_at)
        return _outcome(account, Status.UNCHANGED)
    by = request.command if isinstance(request.command, Instruction) else None
    keeper.plan.changes.append(
        Change(
            account_id=account.id,
            what=what,
            before=before,
            after=after,
            actor=by.actor if by else "",
            reason=by.reason if by else "",
            correlation_id=request.correlation_id,
            changed_at=keeper.date(account, keeper.books.now),
        )
    )
    return _outcome(account, Status.POSTED)


_Changed = tuple[str, str, str]  # what, before, after
_YES = {True: "yes", False: "no"}


def _freeze(account: AccountState, _: Freeze) -> _Changed:
    before, account.frozen = account.frozen, True
    return "frozen", _YES[before], _YES[account.frozen]


def _thaw(account: AccountState, _: Thaw) -> _Changed:
    before, account.frozen = account.frozen, False
    return "frozen", _YES[before], _YES[account.frozen]


def _set_threshold(account: AccountState, command: SetThreshold) -> _Changed:
    before, account.low_balance_threshold = account.low_balance_threshold, command.threshold
    return "low_balance_threshold", _number(before), _number(account.low_balance_threshold)


def _change_shop(account: AccountState, command: ChangeShop | MoveShop) -> _Changed:
    before = _shop(account)
    if account.shop_changed_at is not None and command.changed_at <= account.shop_changed_at:
        return "shop", before, before
    account.shop_changed_at = command.changed_at
    account.platform_name = command.platform_name
    account.platform_shop_id = command.platform_shop_id
    account.shop_domain = command.shop_domain
    return "shop", before, _shop(account)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _shop(account: AccountState) -> str:
    return f"{account.platform_name} {account.shop_domain} {account.platform_shop_id}"


def _outcome(account: AccountState, status: Status) -> Outcome:
    return Outcome(
        status, merchant_id=account.merchant_id, balance=account.balance, reference_id=str(account.merchant_id)
    )


_CHANGES: dict[type[Command], Callable[[AccountState, Any], _Changed]] = {
    ChangeShop: _change_shop,
    MoveShop: _change_shop,
    Freeze: _freeze,
    Thaw: _thaw,
    SetThreshold: _set_threshold,
}
