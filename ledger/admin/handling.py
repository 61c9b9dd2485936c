"""What people did about a parked message, and what became of it: tables of its page."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.admin.display import Table, cells, pretty_text, row_link
from ledger.models import ParkedAct
from ledger.queries.parked import became, word
from ledger.templatetags.ledger_display import moment

SHOWN = 500  # outcomes: of one consume_many, all


def acts_table(acts: Sequence[ParkedAct]) -> Table:
    """Who did what, when and why, the first act first."""
    return Table(
        "What was done about it",
        ("Time", "What", "By", "Reason", "Became of it, or what is sent instead"),
        cells((moment(act.acted_at), act.what, act.actor, act.reason, _result(act)) for act in acts),
        note="A replay sends the newest correction; the message as it came stays below.",
    )


def outcomes_table(acts: Sequence[ParkedAct]) -> Table:
    """What became of each request of each replay, the newest replay first."""
    told = [(act, outcome) for act in reversed(acts) for outcome in act.outcomes.all()]
    return Table(
        "What became of it",
        ("Sent again", "Item", "Outcome", "Decided", "Reason", "Transaction"),
        cells(
            (
                moment(act.acted_at),
                str(outcome.item),
                word(outcome),
                moment(outcome.decided_at),
                outcome.reason,
                row_link(outcome.transaction),
            )
            for act, outcome in told[:SHOWN]
        ),
    )


def _result(act: ParkedAct) -> SafeString | str:
    if act.what == ParkedAct.What.REPLAYED:
        return became(act)
    if act.what == ParkedAct.What.DISMISSED:
        return ""
    return format_html(
        "<details><summary>headers</summary>{}</details><details open><summary>body</summary>{}</details>",
        pretty_text(act.headers),
        pretty_text(act.body),
    )
