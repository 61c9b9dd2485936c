"""Adjustments: a balance put right by a person, by two where it is a large one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.transaction import atomic

from ledger import dialect
from ledger.errors import Refused
from ledger.fields import Category
from ledger.instructions import Adjust
from ledger.models import Account, Adjustment, Transaction
from ledger.outcomes import Outcome
from ledger.staff.instructing import carry_out, instruction

State = Adjustment.State


def adjustment(account: Account, *, expires_at: datetime | None = None, **fields: Any) -> Adjust:
    """The instruction; fields are Adjust's. adjustment_id makes it happen once, however often it is carried out.

    Raises Refused that names the field that can't be accepted.
    """
    told = instruction(Adjust, account, expires_at=expires_at, **fields)
    if expires_at is not None:
        if told.change < 0:
            raise Refused("only credits that are added expire", field="expires_at")
        if expires_at.tzinfo is None or expires_at <= dialect.current().clock():
            raise Refused("must lie ahead, with its zone", field="expires_at")
    return told


def needs_approval(told: Adjust) -> bool:
    """Whether a second person must approve it first."""
    return abs(told.change) > settings.ADJUST_APPROVAL_LIMIT


def was_made(told: Adjust) -> bool:
    """Whether an adjustment of this id was decided by the journal already."""
    return Transaction.objects.filter(reference_type="adjust", reference_id=str(told.adjustment_id)).exists()


def adjust(told: Adjust) -> Outcome | Adjustment:
    """Carry an adjustment out: its outcome; or the row that now waits for a second person's approval.

    Repeated, it changes nothing. Raises Refused where its id stands for another adjustment.
    """
    if not needs_approval(told):
        return carry_out(told)
    asked, _ = Adjustment.objects.get_or_create(
        id=told.adjustment_id,
        defaults={
            "account": Account.objects.get(merchant_id=told.merchant_id),
            "change": told.change,
            "category": told.category,
            "expires_at": told.expires_at,
            "reason": told.reason,
            "asked_by": told.actor,
            "asked_at": dialect.current().clock(),
        },
    )
    if (asked.account.merchant_id, asked.change) != (told.merchant_id, told.change):
        raise Refused("stands for another adjustment", field="adjustment_id")
    return asked


def approve(adjustment_id: UUID, *, actor: str, reason: str = "") -> Outcome:
    """Approve an adjustment that another person asked for, and post it; its outcome.

    Of one that is approved already this is the outcome again, or the posting that a crash had left undone. Raises
    Refused for the one who asked, for one that was refused, and where its expiry has passed meanwhile.
    """
    with atomic():
        row = _locked(adjustment_id, actor)
        if row.state == State.REFUSED:
            raise Refused(f"was refused by {row.decided_by}", field="adjustment_id")
        if row.state == State.ASKED:
            if row.expires_at is not None and row.expires_at <= dialect.current().clock():
                raise Refused("has passed: refuse it, and ask anew", field="expires_at")
            _decide(row, State.APPROVED, actor=actor, reason=reason)
    return carry_out(instruction_of(row))


def refuse(adjustment_id: UUID, *, actor: str, reason: str = "") -> Adjustment:
    """Refuse an adjustment that another person asked for; its row stays. Repeated, it changes nothing.

    Raises Refused for the one who asked, and for one that was approved.
    """
    with atomic():
        row = _locked(adjustment_id, actor)
        if row.state == State.APPROVED:
            raise Refused(f"was approved by {row.decided_by}", field="adjustment_id")
        if row.state == State.ASKED:
            _decide(row, State.REFUSED, actor=actor, reason=reason)
    return row


def instruction_of(row: Adjustment) -> Adjust:
    """The instruction that a stored adjustment stands for."""
    return instruction(
        Adjust,
        row.account,
        adjustment_id=row.id,
        change=row.change,
        category=Category(row.category),
        expires_at=row.expires_at,
        reason=row.reason,
        actor=row.asked_by,
        approved_by=row.decided_by,
    )


def _locked(adjustment_id: UUID, actor: str) -> Adjustment:
    """The row, locked until the transaction ends, for somebody else than the one who asked."""
    if not actor:
        raise Refused("must say who decides", field="actor")
    rows = Adjustment.objects.select_related("account").select_for_update(of=("self",))
    row = rows.filter(pk=adjustment_id).first()
    if row is None:
        raise Refused("there is no such adjustment", field="adjustment_id")
    if row.asked_by == actor:
        raise Refused("asked for it: another person decides", field="actor")
    return row


def _decide(row: Adjustment, state: Adjustment.State, *, actor: str, reason: str) -> None:
    row.state, row.decided_by, row.decided_at = state, actor, dialect.current().clock()
    row.decision_reason = reason
    row.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
