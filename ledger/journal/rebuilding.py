"""Rebuilding accounts from their transactions: what deviates is shown, or written, with who and why on record."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max, QuerySet
from django.db.transaction import atomic

from ledger import dialect, events
from ledger.audit.scope import MARGIN
from ledger.identifiers import new_correlation_id
from ledger.journal.write import write
from ledger.models import Account, AccountChange, Hold, Lot, OutboxRow, Transaction
from ledger.policy import current_policy
from ledger.rules.batch import Change, Plan
from ledger.rules.chain import COVERED
from ledger.rules.rebuilding import Rebuilt, rebuild
from ledger.rules.state import AccountState
from ledger.states import ACCOUNT, attach

CHUNK_ROWS = 2000
ALERTS = [events.LOW_BALANCE, events.RECOVERED]


def compare(merchant_id: UUID) -> Rebuilt:
    """A merchant's account as its transactions have it. To be called in a snapshot, or under the account's lock."""
    return _rebuilt(Account.objects.filter(merchant_id=merchant_id))


def put_right(merchant_id: UUID, *, actor: str, reason: str) -> Rebuilt:
    """Write what deviates, in one transaction under the account's lock; what was found and, unless broken, written.

    Nothing is told: no credit moved. Raises IntegrityError where the database refuses it (a number that would go
    back, a hold that would be open again).
    """
    with atomic(durable=True):
        rebuilt = _rebuilt(Account.objects.filter(merchant_id=merchant_id).select_for_update(no_key=True))
        if rebuilt.deviations and not rebuilt.broken:
            now = dialect.current().clock()
            write(_plan(rebuilt, _change(rebuilt, actor, reason)), now=now, account_wait=settings.ACCOUNT_WAIT)
    return rebuilt


def _rebuilt(accounts: "QuerySet[Account]") -> Rebuilt:
    account = AccountState(**accounts.values(*ACCOUNT).get())
    of_account = {"account_id": account.id}
    lots = Lot.objects.filter(**of_account).values_list("id", flat=True)
    holds = Hold.objects.filter(**of_account).values_list("id", flat=True)
    attach([account], lots=list(lots), holds=list(holds))
    rows = Transaction.objects.filter(**of_account).order_by("number").values(*COVERED, "digest")
    return rebuild(account, rows.iterator(chunk_size=CHUNK_ROWS), current_policy(), known=_known(account))


def _known(account: AccountState) -> dict[str, Any]:
    """What the account's changes and its events say. Old events are pruned: they may only raise what is stored."""
    told = OutboxRow.objects.exclude(event_type="").filter(account_id=account.id)
    newest = told.aggregate(number=Max("account_sequence"))["number"] or 0
    kept_since = dialect.current().clock() - settings.OUTBOX_RETENTION + MARGIN  # no later alert was pruned
    alerts = told.filter(event_type__in=ALERTS, created_at__gte=kept_since).order_by("-account_sequence")
    alert = alerts.values_list("event_type", flat=True)
    threshold = _last_change(account.id, "low_balance_threshold")
    return {
        "event_sequence": max(account.event_sequence, newest),
        "armed": account.armed if (last := alert.first()) is None else last == events.RECOVERED,
        "frozen": _last_change(account.id, "frozen") == "yes",
        "low_balance_threshold": int(threshold) if threshold else None,
    }


def _last_change(account_id: UUID, what: str) -> str:
    """What the newest change of that name left; empty where there was none."""
    changes = AccountChange.objects.filter(account_id=account_id, what=what).order_by("-id")
    return changes.values_list("after", flat=True).first() or ""


def _plan(rebuilt: Rebuilt, change: Change) -> Plan:
    account = rebuilt.account
    return Plan(
        accounts={account.id: account},
        lots=rebuilt.lots,
        new_lots=rebuilt.new_lots,
        holds=rebuilt.holds,
        changes=[change],
    )


def _change(rebuilt: Rebuilt, actor: str, reason: str) -> Change:
    def said(side: str) -> str:
        return "\n".join(f"{each.table} {each.row} {each.what}: {getattr(each, side)}" for each in rebuilt.deviations)

    return Change(
        account_id=rebuilt.account.id,
        what="rebuilt",
        before=said("stored"),
        after=said("rebuilt"),
        actor=actor,
        reason=reason,
        correlation_id=new_correlation_id(),
        changed_at=dialect.current().clock(),
    )
