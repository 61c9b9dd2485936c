"""Columns and fields that several pages show: each factory gives a function of a row, with its title."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from unfold.decorators import display

from ledger.admin.display import pretty, row_link, shortened, story_link
from ledger.models import Account, OutboxRow, Transaction
from ledger.templatetags.ledger_display import moment, number

Column = Callable[[Any], Any]


def number_of(field: str, title: str) -> Column:
    """A whole number, its thousands apart; like any field here, of the row or, as relation.field, of another."""
    return _titled(lambda row: number(attrgetter(field)(row)), f"{field}_number", title)


def moment_of(field: str, title: str) -> Column:
    """A moment in UTC, to the millisecond."""
    return _titled(lambda row: moment(attrgetter(field)(row)), f"{field}_moment", title)


def text_of(field: str, title: str) -> Column:
    """A text as it is."""
    return _titled(attrgetter(field), f"{field}_text", title)


def json_of(field: str, title: str) -> Column:
    """A JSON field over as many lines as it needs."""
    return _titled(lambda row: pretty(attrgetter(field)(row)), f"{field}_json", title)


def label_of(field: str, title: str, colours: Mapping[str, str]) -> Column:
    """A coloured label; colours are the theme's (success, danger, warning, info) by the field's value."""
    shown = _titled(attrgetter(field), f"{field}_label", title)
    column: Column = display(label=colours)(shown)
    return column


def _titled(shown: Column, name: str, title: str) -> Column:
    def column(row: Any) -> Any:
        return shown(row)

    column.__name__ = name.replace(".", "_")
    titled: Column = display(description=title)(column)
    return titled


@display(description="Story")
def story(row: Any) -> Any:
    """A link to the story of the row's correlation id."""
    return story_link(row.correlation_id)


@display(description="Account")
def account(row: Any) -> Any:
    """A link to the row's account."""
    return row_link(row.account)


@display(description="Shop")
def shop(row: Any) -> Any:
    """The same link, shorter."""
    return row_link(row.account, row.account.shop_domain)


@display(description="Reference")
def reference(row: Transaction) -> str:
    """The reference as type/id."""
    return shortened(str(row))


@display(description="Credits")
def credits_moved(row: Transaction) -> str:
    """What the transaction asked for, with its direction; a declined one moved nothing of it."""
    sign = "+" if row.operation == Transaction.Operation.CREDIT else "−"
    return f"{sign}{row.amount:,}"


@display(description="Alerts")
def alerts(row: Account) -> str:
    """Whether the next fall below the threshold is told."""
    return "armed" if row.armed else "low balance told"


@display(description="Spending", label={"frozen": "danger", "open": "success"})
def frozen(row: Account) -> str:
    """Whether consumptions and holds are declined."""
    return "frozen" if row.frozen else "open"


@display(
    description="State",
    label={"published": "success", "unrouted": "info", "to be sent": "warning", "failing": "danger"},
)
def publication(row: OutboxRow) -> str:
    """How far the row has come on its way to the broker."""
    if row.batch.published_at is not None:
        return "unrouted" if row.unrouted else "published"
    return "failing" if row.batch.last_error else "to be sent"
