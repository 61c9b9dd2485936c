"""Alerts: the falls and recoveries that were told, against the rule of docs/contract.md §3 replayed over the rows.

The rule hangs on LOW_BALANCE_THRESHOLD and LOW_BALANCE_ALERTS, which the books don't record: what was right under
yesterday's settings may look wrong under today's. So without alerts_since only what holds under any settings is
judged: nothing recovers that had not fallen, an account is armed or not as its newest alert left it, and (in
ledger.audit.told) an alert's balance fits the threshold that it states. From alerts_since on, when the settings are
known to be what they are now, every row is judged: an alert missing is as wrong as one too many. An account's own
threshold takes the setting's place, and is known from its last change on.

Nothing says whether an account was armed where its events may have been pruned: there, judging begins at its first
alert that is young enough for every later one to be there still.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Subquery

from ledger import events
from ledger.audit.finding import Finding
from ledger.audit.ordered import Ordered
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import AccountChange, Transaction
from ledger.rules.state import Alerts

ALERTS = [events.LOW_BALANCE, events.RECOVERED]
Row = Mapping[str, Any]


def check_alerts(scope: Scope) -> Iterator[Finding]:
    """Low balance and recovered were told where they had to be, and nowhere else; armed says what they left."""
    rows = _rows(scope)
    alerts = _alerts(scope)
    for account in _accounts(scope):
        opened_young = account["created_at"] >= scope.kept_since and not account["imported_rows"]
        replay = _Replay(scope, account, armed=True if opened_young else None)
        end = (account["id"], float("inf"))
        for row in rows.up_to(end):
            if row["account_id"] == account["id"]:
                told = replay.catch_up(alerts.up_to((account["id"], row["sequence"])), row)
                yield from replay.judge(row, told)
        replay.catch_up(alerts.up_to(end), {"account_id": account["id"], "sequence": None})
        if replay.armed is not None and replay.armed != account["armed"]:
            yield Finding(
                table="credit_accounts",
                row=account["id"],
                what="armed by its newest alert",
                expected=replay.armed,
                found=account["armed"],
            )


def _accounts(scope: Scope) -> Iterator[Row]:
    changes = AccountChange.objects.filter(account=OuterRef("pk"), what="low_balance_threshold").order_by("-changed_at")
    accounts = scope.accounts.annotate(threshold_changed_at=Subquery(changes.values("changed_at")[:1]))
    columns = ["id", "armed", "created_at", "imported_rows", "low_balance_threshold", "threshold_changed_at"]
    yield from accounts.values(*columns).iterator(chunk_size=CHUNK_ROWS)


def _rows(scope: Scope) -> Ordered[Row]:
    """The posted rows whose events must still be there, by account and number."""
    posted = scope.told.filter(status=Transaction.Status.POSTED)
    young = posted.filter(created_at__gte=scope.kept_since, sequence__isnull=False)
    columns = ["id", "account_id", "sequence", "operation", "balance_after", "created_at"]
    rows = young.order_by("account_id", "sequence").values(*columns).iterator(chunk_size=CHUNK_ROWS)
    return Ordered(rows, key=lambda row: (row["account_id"], row["sequence"]))


def _alerts(scope: Scope) -> Ordered[Row]:
    """The alerts that no pruned one can follow, by account and the number of the row that gave rise to them."""
    young = scope.events.filter(event_type__in=ALERTS, created_at__gte=scope.kept_since)
    told = young.filter(transaction__sequence__isnull=False)
    rows = told.order_by("account_id", "transaction__sequence", "account_sequence")
    columns = ["account_id", "transaction__sequence", "event_type"]
    return Ordered(
        rows.values(*columns).iterator(chunk_size=CHUNK_ROWS),
        key=lambda row: (row["account_id"], row["transaction__sequence"]),
    )


@dataclass(slots=True)
class _Replay:
    """One account's alerts, replayed; armed is None while nothing has shown it."""

    scope: Scope
    account: Row
    armed: bool | None

    def catch_up(self, alerts: Iterable[Row], row: Row) -> set[str]:
        """Take in the account's alerts of earlier rows; the types of those of this row."""
        told = set()
        for alert in alerts:
            if alert["account_id"] != row["account_id"]:
                continue
            if alert["transaction__sequence"] == row["sequence"]:
                told.add(alert["event_type"])
            else:
                self._follow({alert["event_type"]})
        return told

    def _follow(self, told: set[str]) -> None:
        if told:
            self.armed = events.RECOVERED in told

    def judge(self, row: Row, told: set[str]) -> Iterator[Finding]:
        """Compare what a row told with what it had to, then move on to the state that it left."""
        by_any_settings = told - {events.RECOVERED} if self.armed else told
        due = self._due(row) if self._settings_are_known(row) else by_any_settings
        if due is not None and due != told:
            yield Finding(
                table="credit_transactions", row=row["id"], what="alerts", expected=_listed(due), found=_listed(told)
            )
        self._follow(told if due is None else due)

    def _settings_are_known(self, row: Row) -> bool:
        since, changed_at = self.scope.alerts_since, self.account["threshold_changed_at"]
        if since is None or row["created_at"] < since:
            return False
        return changed_at is None or row["created_at"] > changed_at

    def _due(self, row: Row) -> set[str] | None:
        """What the rule demands of this row; None where that hangs on a state that is not known."""
        own = self.account["low_balance_threshold"]
        is_low = row["balance_after"] < (self.scope.policy.low_balance_threshold if own is None else own)
        if row["operation"] == Transaction.Operation.CREDIT:
            if self.armed is None and not is_low:
                return None
            return {events.RECOVERED} if self.armed is False and not is_low else set()
        if not is_low:
            return set()
        if self.scope.policy.alerts is Alerts.EVERY:
            return {events.LOW_BALANCE}
        if self.armed is None:
            return None
        return {events.LOW_BALANCE} if self.armed else set()


def _listed(types: set[str]) -> str:
    return ", ".join(sorted(types)) or "none"
