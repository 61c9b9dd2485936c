"""Accounts: the list, and one page that shows how a merchant stands."""

from collections.abc import Sequence
from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from ledger.admin.account_actions import ACTIONS
from ledger.admin.acting import ActingAdmin
from ledger.admin.chart import Chart, balance_chart
from ledger.admin.columns import alerts, frozen, moment_of, number_of
from ledger.admin.display import Table
from ledger.admin.filters import ChoiceFilter, each_of
from ledger.admin.search import Term, transactions_of
from ledger.admin.standing import adjustments_of, changes_of, due_entries, holds_of, lots_of
from ledger.admin.tables import (
    alerts_told,
    differences_of,
    may_view,
    newest_events,
    newest_transactions,
    parked_for,
    visible,
    waiting_for,
)
from ledger.admin.window import Scope
from ledger.fields import PLATFORMS
from ledger.models import (
    Account,
    AccountChange,
    Adjustment,
    Hold,
    Lot,
    OutboxRow,
    ParkedMessage,
    ShopDifference,
    Transaction,
    WaitingCommand,
)
from ledger.queries.balance_over_time import balance_over_time
from ledger.staff.preview import is_due


class PlatformFilter(ChoiceFilter):
    """Accounts of one platform."""

    title = "platform"
    parameter_name = "platform"
    conditions = each_of("platform_name", PLATFORMS)


class BalanceFilter(ChoiceFilter):
    """Accounts that are out of credits, or whose low balance has been told."""

    title = "balance"
    parameter_name = "balance"
    conditions: ClassVar = {
        "exhausted": ("exhausted (0)", Q(balance=0)),
        "low": ("low balance told", Q(armed=False)),
        "armed": ("alerts armed", Q(armed=True)),
    }


class FrozenFilter(ChoiceFilter):
    """Accounts on which nothing is spent for now, or the others."""

    title = "frozen"
    parameter_name = "frozen"
    conditions: ClassVar = {"yes": ("frozen", Q(frozen=True)), "no": ("not frozen", Q(frozen=False))}


@admin.register(Account)
class AccountAdmin(ActingAdmin):
    """Merchants' accounts, the newest-opened first."""

    acts = ACTIONS
    list_display = (
        "shop_domain",
        "platform_name",
        "merchant_id",
        number_of("balance", "Balance"),
        number_of("total_granted", "Granted"),
        number_of("total_consumed", "Consumed"),
        alerts,
        frozen,
        moment_of("created_at", "Opened"),
    )
    list_filter = (PlatformFilter, BalanceFilter, FrozenFilter)
    search_help_text = "In full: merchant, domain, shop, reference (type/id) or correlation id"
    fieldsets = (
        (
            "Credits",
            {
                "fields": (
                    number_of("balance", "Balance"),
                    number_of("held", "Of it held"),
                    number_of("total_granted", "Granted in all"),
                    number_of("total_consumed", "Consumed in all"),
                    number_of("total_expired", "Expired in all"),
                    frozen,
                    alerts,
                    number_of("low_balance_threshold", "Low-balance threshold of its own"),
                )
            },
        ),
        (
            "Shop",
            {
                "fields": (
                    "shop_domain",
                    "platform_name",
                    "platform_shop_id",
                    moment_of("shop_changed_at", "Newest change of shop"),
                    "merchant_id",
                    "id",
                )
            },
        ),
        (
            "Sequences",
            {
                "fields": (
                    number_of("sequence", "Posted transactions"),
                    number_of("event_sequence", "Events told"),
                    number_of("rows", "Rows of its chain"),
                    "head",
                    number_of("imported_rows", "Rows moved in from the predecessor"),
                    moment_of("next_due_at", "Nothing is due before"),
                    moment_of("created_at", "Opened"),
                    moment_of("updated_at", "Newest transaction"),
                )
            },
        ),
    )

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """Its own ids, shop and domain; else the accounts of transactions that the term names."""
        accounts = {transaction.account_id for transaction in transactions_of(term)}
        return Scope(term.is_account() | Q(pk__in=accounts))

    def chart(self, request: HttpRequest, row: Account) -> Chart | None:
        """Its balance over time, for those who may see its transactions."""
        if not may_view(request, Transaction):
            return None
        return balance_chart(balance_over_time(row), transactions=row.sequence)

    def tables(self, request: HttpRequest, row: Account) -> Sequence[Table]:
        due = ((Transaction, lambda: due_entries(row)),) if is_due(row.next_due_at) else ()
        return visible(
            request,
            (
                *due,
                (Adjustment, lambda: adjustments_of(row)),
                (Lot, lambda: lots_of(row)),
                (Hold, lambda: holds_of(row)),
                (AccountChange, lambda: changes_of(row)),
                (Transaction, lambda: newest_transactions(row)),
                (OutboxRow, lambda: alerts_told(row)),
                (OutboxRow, lambda: newest_events(row)),
                (WaitingCommand, lambda: waiting_for(row.merchant_id)),
                (ParkedMessage, lambda: parked_for(row.merchant_id)),
                (ShopDifference, lambda: differences_of(row)),
            ),
        )
