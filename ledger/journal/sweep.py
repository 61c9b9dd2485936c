"""The sweep over waiting rows: posts those whose time or target has come, parks those that outlived ACCOUNT_WAIT."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.transaction import atomic

from ledger import dialect
from ledger.commands import COMMANDS, Consume, OpenAccount, Reverse
from ledger.journal.outbox import record_message
from ledger.journal.parking import ToPark, park_rows
from ledger.journal.post import Posted
from ledger.journal.stored import stored_request
from ledger.journal.surely import Pause, post_surely
from ledger.journal.waiting import delete_waiting
from ledger.messages import Message, replay_in
from ledger.models import Account, Transaction, WaitingCommand
from ledger.outcomes import Outcome, ParkReason, Status
from ledger.rules.batch import Waiting

log = structlog.get_logger(__name__)

ACCOUNT = Account.objects.filter(merchant_id=OuterRef("merchant_id"))
TARGET = Transaction.objects.filter(
    reference_type=OuterRef("target_reference_type"),
    reference_id=OuterRef("target_reference_id"),
    merchant_id=OuterRef("merchant_id"),
)
Why = tuple[ParkReason, str, str]  # with the field that it is about, and the detail
READY = Q(task=OpenAccount.task) | (Exists(ACCOUNT) & (Q(target_reference_type="") | Exists(TARGET)))
# Due when it arrived, which lies ahead where the clock has been put back since.
WITHOUT_ETA = Q(due_at__lte=F("arrived_at"))


def has_any_come() -> bool:
    """Whether the time of any stored command has come; its wait is never over sooner.

    Until then there is nothing to sweep, as nearly always, and one look tells.
    """
    return WaitingCommand.objects.filter(_come_by(_now())).exists()


def _come_by(moment: datetime) -> Q:
    return Q(due_at__lte=moment) | WITHOUT_ETA


def post_due(*, limit: int, pause: Pause, revoked: Container[str] = ()) -> Posted:
    """Post up to `limit` waiting commands whose time has come and whose account and target are there, oldest first.

    Those whose message has expired or is among the revoked ids, and those that can't be read any more, are parked
    instead, and have an outcome too. Two sweeps at once may read the same row: it is the first's.
    """
    now = _now()
    batch: list[Waiting] = []
    to_park: dict[int, Why] = {}
    for row in WaitingCommand.objects.filter(READY, _come_by(now), send_again=False).order_by("id")[:limit]:
        try:
            waiting = _waiting(row)
        except (KeyError, ValueError) as error:  # stored by a release whose commands were other ones
            to_park[row.id] = (ParkReason.DEFECT, "", f"{type(error).__name__}: {error}")
            continue
        message = waiting.request.message and waiting.request.message()
        if message and _is_revoked(message, revoked):
            to_park[row.id] = (ParkReason.REVOKED, "", "revoked while it waited")
        elif message and message.has_expired(at=now):
            to_park[row.id] = _expired(message)
        else:
            batch.append(waiting)
    _park_instead(to_park)
    parked = [Outcome(Status.PARKED, reason=reason) for reason, _, _ in to_park.values()]
    return (post_surely(batch, pause=pause) if batch else Posted()) + Posted(parked)


def _is_revoked(message: Message, revoked: Container[str]) -> bool:
    """Whether a stored message's id was revoked; an item of a consume_many has that of the whole, `:`, its number.

    What staff have sent again since is to be carried out.
    """
    if replay_in(message.headers):
        return False
    id_ = str(message.headers.get("id"))
    return id_ in revoked or (message.name == Consume.task and id_.rpartition(":")[0] in revoked)


def _expired(message: Message) -> Why:
    return ParkReason.EXPIRED, "expires", f"expired at {message.headers['expires']}, while it waited"


def _park_instead(why: Mapping[int, Why]) -> None:
    """Park stored commands that are not to be posted, each with why, so that they don't hold up the others."""
    if not why:
        return
    with atomic():
        rows = _locked(WaitingCommand.objects.filter(id__in=list(why)).order_by("id"), len(why))
        log.warning("stored commands are parked", rows={row.id: why[row.id][-1] for row in rows})
        park_rows([_instead(row, *why[row.id]) for row in rows], now=_now())
        delete_waiting([row.id for row in rows])


def send_due_again(*, limit: int) -> int:
    """Hand messages that were kept whole, and whose time has come, to the outbox without their eta; how many.

    Whether one has expired or was revoked is asked where it arrives, as of any other: there it is told who waits.
    """
    with atomic():
        now = _now()
        rows = _locked(WaitingCommand.objects.filter(send_again=True, due_at__lte=now).order_by("id"), limit)
        for row in rows:
            message = Message.from_text(row.message).without("eta")
            record_message(queue=message.queue, message=message.as_text(), correlation_id=row.correlation_id, at=now)
        delete_waiting([row.id for row in rows])
    return len(rows)


def park_outlived(*, limit: int, older_than: datetime | None = None) -> int:
    """Park commands whose account or target is still not there when their wait is over; how many they were.

    older_than says before when it must have been over, where that is not now.
    """
    with atomic():
        now = _now()
        outlived = _outliving(older_than or now).order_by("id")
        rows = _locked(outlived.annotate(has_account=Exists(ACCOUNT)), limit)
        park_rows([_instead(row, *_outlived(row, now)) for row in rows], now=now)
        delete_waiting([row.id for row in rows])
    return len(rows)


def outlived_before(moment: datetime) -> int:
    """How many commands should have been parked before a moment."""
    return _outliving(moment).count()


def _outliving(moment: datetime) -> QuerySet[WaitingCommand]:
    return WaitingCommand.objects.filter(~READY, park_at__lte=moment, send_again=False)


def _now() -> datetime:
    return dialect.current().clock()


def _locked(rows: Any, limit: int) -> Sequence[WaitingCommand]:
    """The first rows that no other transaction holds, locked until this one ends."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    return list(rows[:limit])


def _waiting(row: WaitingCommand) -> Waiting:
    request = stored_request(row.task, row.kwargs, row.message, row.correlation_id)
    return Waiting(request, row.id)


def _instead(row: WaitingCommand, reason: ParkReason, field: str, detail: str) -> ToPark:
    return ToPark(
        message=Message.from_text(row.message) if row.message else None,
        reason=reason,
        field=field,
        detail=detail,
        correlation_id=row.correlation_id,
        merchant_id=row.merchant_id,
    )


def _outlived(row: Any, now: datetime) -> Why:
    message = Message.from_text(row.message) if row.message else None
    if message and message.has_expired(at=now):
        return _expired(message)
    since = row.arrived_at.isoformat()
    if row.has_account:
        field = "original_reference_id" if COMMANDS.get(row.task) is Reverse else "hold_reference_id"
        target = f"{row.target_reference_type}/{row.target_reference_id}"
        return ParkReason.NO_TARGET, field, f"no transaction {target} of merchant {row.merchant_id} since {since}"
    return ParkReason.NO_ACCOUNT, "merchant_id", f"no account for merchant {row.merchant_id} since {since}"
