"""Tables below a row's own fields: the newest of what belongs to it, for those who may see such rows."""

from collections.abc import Callable, Iterable
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ledger import events
from ledger.admin.columns import credits_moved, publication
from ledger.admin.display import Table, cells, link, list_of, page_of, row_link, shortened, story_link
from ledger.models import Account, OutboxRow, ParkedMessage, Transaction, WaitingCommand
from ledger.templatetags.ledger_display import moment, number

NEWEST = 20  # rows of each table
ALERTS = (events.LOW_BALANCE, events.EXHAUSTED, events.RECOVERED)


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    """Whether this member of staff may see rows of a table."""
    return request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")


def visible(request: HttpRequest, tables: Iterable[tuple[type[Model], Callable[[], Table]]]) -> list[Table]:
    """Build those tables whose rows this member of staff may see."""
    return [build() for model, build in tables if may_view(request, model)]


def newest_transactions(account: Account) -> Table:
    rows = Transaction.objects.filter(merchant_id=account.merchant_id).order_by("-created_at", "-id")[:NEWEST]
    return Table(
        f"Newest {NEWEST} transactions",
        ("Time", "No.", "Status", "Credits", "Balance after", "Reference", "Story"),
        cells(
            (
                link(page_of(row), moment(row.created_at)),
                number(row.sequence),
                f"{row.status}: {row.reason.replace('_', ' ')}" if row.reason else row.status,
                credits_moved(row),
                number(row.balance_after),
                shortened(str(row)),
                story_link(row.correlation_id),
            )
            for row in rows
        ),
        more_url=list_of(Transaction, q=str(account.merchant_id)),
    )


def newest_events(account: Account) -> Table:
    rows = OutboxRow.objects.filter(account_id=account.pk).order_by("-account_sequence")[:NEWEST]
    more = list_of(OutboxRow, q=str(account.merchant_id))
    return events_table(f"Newest {NEWEST} events", rows, more_url=more)


def alerts_told(account: Account) -> Table:
    """Of its newest events those that tell of a balance's fall or recovery."""
    newest = OutboxRow.objects.filter(account_id=account.pk, event_type__in=ALERTS)
    more = list_of(OutboxRow, q=str(account.merchant_id))
    return events_table("Alerts told", newest.order_by("-account_sequence")[:NEWEST], more_url=more)


def events_table(title: str, rows: QuerySet[OutboxRow], *, more_url: str = "") -> Table:
    return Table(
        title,
        ("Recorded", "No.", "Event", "Told by", "State", "Published", "Story"),
        cells(
            (
                link(page_of(row), moment(row.created_at)),
                number(row.account_sequence),
                row.event_type,
                row.destination,
                publication(row),
                moment(row.batch.published_at),
                story_link(row.correlation_id),
            )
            for row in rows.select_related("batch")
        ),
        note="An event is kept for a while after it was published, and then cleared away.",
        more_url=more_url,
    )


def waiting_for(merchant_id: UUID) -> Table:
    rows = WaitingCommand.objects.filter(merchant_id=merchant_id).order_by("id")[:NEWEST]
    return Table(
        "Waiting, in the order in which they will be applied",
        ("Arrived", "Task", "Due", "Parked if still waiting", "Story"),
        cells(
            (
                link(page_of(row), moment(row.arrived_at)),
                row.task,
                moment(row.due_at),
                moment(row.park_at),
                story_link(row.correlation_id),
            )
            for row in rows
        ),
        more_url=list_of(WaitingCommand, q=str(merchant_id)),
    )


def parked_for(merchant_id: UUID) -> Table:
    rows = ParkedMessage.objects.filter(merchant_id=merchant_id).order_by("-last_seen_at", "-id")[:NEWEST]
    return Table(
        "Newest parked messages",
        ("Last seen", "State", "Reason", "Field", "Message", "Count", "Story"),
        cells(
            (
                link(page_of(row), moment(row.last_seen_at)),
                row.state,
                row.reason.replace("_", " "),
                row.field,
                row.name or row.queue,
                number(row.count),
                story_link(row.correlation_id),
            )
            for row in rows
        ),
        more_url=list_of(ParkedMessage, q=str(merchant_id)),
    )


def differences_of(account: Account) -> Table:
    rows = account.shop_differences.order_by("-id")[:NEWEST]
    return Table(
        "Later openings with another shop",
        ("Seen", "Platform", "Shop", "Domain", "Story"),
        cells(
            (
                row_link(row, moment(row.seen_at)),
                row.platform_name,
                row.platform_shop_id,
                row.shop_domain,
                story_link(row.correlation_id),
            )
            for row in rows
        ),
    )
