"""Redaction: erasing what may be personal from transactions and stored messages, and nothing else of them.

The hash chain holds a salted digest of what is erased, and stays whole. Each table is looked through in the order in
which messages travel on (waiting, parked, outbox, transactions), so that what moves meanwhile is met further on. Then
come the parked ones once more: what can't be sent again is parked out of the outbox.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.db.transaction import atomic

from ledger import dialect
from ledger.errors import Refused
from ledger.fields import refuse_unprintable
from ledger.identifiers import new_id
from ledger.models import (
    OutboxRow,
    ParkedAct,
    ParkedMessage,
    Redaction,
    ReplayOutcome,
    Transaction,
    WaitingCommand,
)
from ledger.personal import Referenced, Shopper, Subject, is_about, message_without, without

EMPTY = {"description": "", "metadata": {}, "salt": ""}
_COPIES = ("retry", "activate")  # references of rows that repeat what another row says
_AT_A_TIME = 200  # rows of stored messages in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """How many rows were emptied."""

    transactions: int
    messages: int


def redact_shopper(shopper_id: str, *, merchant_id: UUID | None = None, actor: str, reason: str) -> Redacted:
    """Erase what is stored about a shopper, of one merchant alone where that is given. A repeat finds nothing.

    Reads every transaction and every stored message once. Raises Refused where actor or reason can't be kept.
    """
    if not shopper_id:
        raise Refused("must not be empty", field="shopper_id")
    _check(actor, reason, erased=shopper_id)
    named = Q(metadata__shopper_id=shopper_id)
    if shopper_id.isdecimal():
        named |= Q(metadata__shopper_id=int(shopper_id))
    if merchant_id is not None:
        named &= Q(merchant_id=merchant_id)
    return _redact(Shopper(shopper_id=shopper_id, merchant_id=merchant_id), named, actor=actor, reason=reason)


def redact_transaction(transaction_id: UUID, *, actor: str, reason: str) -> Redacted:
    """Erase what is stored of one transaction's content, of its copies (retries, activation) and its messages.

    A repeat finds nothing. Raises Refused where there is no such transaction, or actor or reason can't be kept.
    """
    _check(actor, reason)
    row = Transaction.objects.filter(pk=transaction_id).first()
    if row is None:
        raise Refused("there is no such transaction", field="transaction_id")
    original = _original(row)
    subject = Referenced(
        reference_type=original.reference_type, reference_id=original.reference_id, merchant_id=original.merchant_id
    )
    return _redact(subject, Q(pk__in=_with_copies(original)), actor=actor, reason=reason, transaction_id=row.pk)


def _redact(subject: Subject, named: Q, *, actor: str, reason: str, transaction_id: UUID | None = None) -> Redacted:
    with atomic():
        messages = _redact_waiting(subject) + _redact_parked(subject, by=actor) + _redact_outbox(subject)
        messages += _redact_parked(subject, by=actor)
        full = ~Q(description="") | ~Q(metadata={}) | ~Q(salt="")
        transactions = Transaction.objects.filter(named, full).update(**EMPTY)
        if isinstance(subject, Shopper):
            transactions += _redact_described(subject)
        redacted = Redacted(transactions=transactions, messages=messages)
        if redacted.transactions or redacted.messages:
            Redaction.objects.create(
                transaction_id=transaction_id,
                transactions=redacted.transactions,
                messages=redacted.messages,
                actor=actor,
                reason=reason,
                redacted_at=dialect.current().clock(),
            )
    return redacted


def _redact_described(shopper: Shopper) -> int:
    """Empty transactions whose description names the shopper."""
    rows = Transaction.objects.filter(description__contains=shopper.shopper_id).order_by("id")
    if shopper.merchant_id is not None:
        rows = rows.filter(merchant_id=shopper.merchant_id)
    described = rows.values_list("id", "description").iterator(chunk_size=_AT_A_TIME)
    ids = [id_ for id_, description in described if shopper.is_described_by(description)]
    chunks = (ids[start : start + _AT_A_TIME] for start in range(0, len(ids), _AT_A_TIME))
    return sum(Transaction.objects.filter(id__in=chunk).update(**EMPTY) for chunk in chunks)


def _redact_waiting(subject: Subject) -> int:
    """Keep what is needed to apply a waiting command; its message likewise, to be revoked, parked or sent by."""
    rows = WaitingCommand.objects.iterator(chunk_size=_AT_A_TIME)
    ids = [row.pk for row in rows if _waits_for(row, subject)]
    changed = 0
    for row in WaitingCommand.objects.filter(pk__in=ids).order_by("id").select_for_update():
        before = row.kwargs, row.message
        row.kwargs = without(row.kwargs, subject)
        row.message = message_without(row.message, subject) if row.message else {}
        if (row.kwargs, row.message) != before:
            row.save(update_fields=["kwargs", "message"])
            changed += 1
    return changed


def _waits_for(row: WaitingCommand, subject: Subject) -> bool:
    return subject.owns(row.kwargs) or (bool(row.message) and is_about(row.message, subject))


def _redact_parked(subject: Subject, *, by: str) -> int:
    """Empty parked messages. Nothing is left of them to be sent again, so those still parked are dismissed."""
    ids = {row.pk for row in ParkedMessage.objects.iterator(chunk_size=_AT_A_TIME) if is_about(_text(row), subject)}
    corrections = ParkedAct.objects.filter(what=ParkedAct.What.CORRECTED).select_related("parked")
    for act in corrections.iterator(chunk_size=_AT_A_TIME):
        corrected = {**_text(act.parked), "headers": act.headers, "body": act.body, "body_encoding": "utf-8"}
        if is_about(corrected, subject):
            ids.add(act.parked_id)
    rows = list(ParkedMessage.objects.filter(pk__in=ids).order_by("fingerprint").select_for_update())
    for row in rows:
        if row.state == ParkedMessage.State.PARKED:
            row.state, row.resolved_by = ParkedMessage.State.DISMISSED, by
            row.resolved_at = dialect.current().clock()
            row.acts.create(what=ParkedAct.What.DISMISSED, actor=by, reason="redacted", acted_at=row.resolved_at)
        row.headers = row.properties = "{}"
        row.body, row.body_encoding, row.detail = "", "utf-8", ""
        row.fingerprint = str(new_id())  # should the message come again, it is parked anew and whole
        row.save()
        row.acts.filter(what=ParkedAct.What.CORRECTED).update(headers="{}", body="")
        ReplayOutcome.objects.filter(replay__parked=row).update(reason="")
    return len(rows)


def _redact_outbox(subject: Subject) -> int:
    """Empty messages that were sent again; one still to be sent keeps what is needed to apply it."""
    messages = OutboxRow.objects.filter(destination=OutboxRow.Destination.MESSAGE)
    named = messages.exclude(body={}).iterator(chunk_size=_AT_A_TIME)
    about = messages.filter(pk__in=[row.pk for row in named if is_about(row.body, subject)])
    changed = 0
    locked = list(about.order_by("id").select_for_update())
    # Only now: a row may have moved to another batch before it was locked.
    published = set(about.filter(batch__published_at__isnull=False).values_list("pk", flat=True))
    for row in locked:
        body = {} if row.pk in published else message_without(row.body, subject)
        if body != row.body:
            OutboxRow.objects.filter(pk=row.pk).update(body=body)
            changed += 1
    return changed


def _text(row: ParkedMessage) -> dict[str, str]:
    return {
        "queue": row.queue,
        "name": row.name,
        "headers": row.headers,
        "properties": row.properties,
        "body": row.body,
        "body_encoding": row.body_encoding,
    }


def _original(row: Transaction) -> Transaction:
    """The row whose content another one repeats; else the row itself."""
    while row.reference_type in _COPIES:
        row = Transaction.objects.get(pk=row.reference_id)
    return row


def _with_copies(original: Transaction) -> Iterable[UUID]:
    """A row and all that repeat its content, by their ids."""
    found, newest = {original.pk}, {original.pk}
    while newest:
        copies = Transaction.objects.filter(reference_type__in=_COPIES, reference_id__in=[str(id_) for id_ in newest])
        newest = set(copies.values_list("pk", flat=True))
        found |= newest
    return found


def _check(actor: str, reason: str, *, erased: str = "") -> None:
    """Raise Refused for what a redaction's own record can't hold: nothing, too much, or what is to be erased."""
    for field, text, longest in (("actor", actor, 255), ("reason", reason, 1000)):
        if not 1 <= len(text) <= longest:
            raise Refused(f"must have 1 to {longest} characters", field=field)
        try:
            refuse_unprintable(text)
        except ValueError as error:
            raise Refused(str(error), field=field) from None
        if erased and Shopper(shopper_id=erased).is_named_in(text):
            raise Refused("must not repeat what is erased", field=field)
