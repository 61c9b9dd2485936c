"""The alerts: which falls and recoveries of a balance are told (docs/contract.md §3)."""

from ledger import events
from ledger.rules.state import AccountState, Alerts, Operation, Policy


def alerts_after(account: AccountState, *, operation: Operation, before: int, policy: Policy) -> list[str]:
    """The alerts that follow a posted movement, in the order in which they are told; arms or disarms the account.

    before is the balance ahead of the movement, in credits; the account holds the balance after it.
    """
    if operation is Operation.CREDIT:
        return _after_credit(account, policy)
    return _after_debit(account, before, policy)


def _after_credit(account: AccountState, policy: Policy) -> list[str]:
    if account.armed or account.balance < account.threshold(policy):
        return []
    account.armed = True
    return [events.RECOVERED]


def _after_debit(account: AccountState, before: int, policy: Policy) -> list[str]:
    told = []
    if account.balance < account.threshold(policy):
        if account.armed or policy.alerts is Alerts.EVERY:
            told.append(events.LOW_BALANCE)
        account.armed = False
    if account.balance == 0 and before > 0:
        told.append(events.EXHAUSTED)
    return told
