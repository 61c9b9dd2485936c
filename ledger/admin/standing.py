"""Tables on an account's page: how it stands: what is due, its lots and holds, and who changed what about it."""

from django.db.models import Case, F, When

from ledger.admin.display import Table, cells, link, list_of, page_of, row_link, shortened, story_link
from ledger.admin.tables import NEWEST
from ledger.models import Account, Adjustment, Hold, Lot
from ledger.staff.preview import due_on
from ledger.templatetags.ledger_display import moment, number

_SIGNS = {"credit": "+", "debit": "−"}


def due_entries(account: Account) -> Table:
    """What time has brought about and no transaction has posted yet; the next request, or the sweep, posts it."""
    return Table(
        "Due, not posted yet",
        ("Due", "State", "Kind", "Credits", "Balance after", "Reference"),
        cells(
            (
                moment(entry.created_at),
                "due",
                entry.kind,
                f"{_SIGNS[entry.operation]}{entry.amount:,}",
                number(entry.balance_after),
                shortened(f"{entry.reference_type}/{entry.reference_id}"),
            )
            for entry in due_on(account.merchant_id)
        ),
        note="The next request of this merchant posts these first, dated as here; so does the sweep.",
    )


def adjustments_of(account: Account) -> Table:
    rows = account.adjustments.filter(state=Adjustment.State.ASKED).order_by("id")[:NEWEST]
    return Table(
        "Adjustments to be approved",
        ("Asked", "Credits", "By", "Reason"),
        cells((row_link(row, moment(row.asked_at)), f"{row.change:+,}", row.asked_by, row.reason) for row in rows),
        more_url=list_of(Adjustment, q=str(account.merchant_id)),
    )


def lots_of(account: Account) -> Table:
    """The open ones in the order in which they burn, then the newest of the others."""
    burning = ("priority", F("expires_at").asc(nulls_last=True), "-category", "effective_at")
    rows = account.lots.order_by("-is_open", *burning)[:NEWEST]
    return Table(
        "Lots, open ones first",
        ("Lot", "Category", "Priority", "Effective", "Expires", "Amount", "Remaining", "Held", "State"),
        cells(
            (
                link(page_of(row), shortened(str(row))),
                row.category,
                row.priority,
                moment(row.effective_at),
                moment(row.expires_at),
                number(row.amount),
                number(row.remaining),
                number(row.held),
                state_of(row),
            )
            for row in rows
        ),
        more_url=list_of(Lot, q=str(account.merchant_id)),
    )


def state_of(lot: Lot) -> str:
    """A lot's status by the contract's words: a void one never became effective."""
    if lot.is_open:
        return "pending" if lot.pending else "open"
    return "closed" if lot.sequence is not None else "void"


def holds_of(account: Account) -> Table:
    open_first = Case(When(status=Hold.Status.OPEN, then=0), default=1)
    return Table(
        "Holds, open ones first",
        ("Hold", "Amount", "State", "Runs out", "Captured", "Resolved", "Story"),
        cells(
            (
                link(page_of(row), shortened(str(row))),
                number(row.amount),
                row.status,
                moment(row.expires_at),
                number(row.captured),
                moment(row.resolved_at),
                story_link(row.correlation_id),
            )
            for row in account.holds.order_by(open_first, "-id")[:NEWEST]
        ),
        more_url=list_of(Hold, q=str(account.merchant_id)),
    )


def changes_of(account: Account) -> Table:
    return Table(
        "Who changed what",
        ("Time", "What", "From", "To", "Who", "Why", "Story"),
        cells(
            (
                moment(row.changed_at),
                row.what.replace("_", " "),
                row.before,
                row.after,
                row.actor or "another service",
                row.reason,
                story_link(row.correlation_id),
            )
            for row in account.changes.order_by("-id")[:NEWEST]
        ),
    )
