"""Parked messages, a person's side: correcting one, sending it again, or dismissing it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from django.db.transaction import atomic

from ledger.correcting import check, headers_in
from ledger.errors import Refused
from ledger.fields import refuse_unprintable
from ledger.journal.outbox import record_message
from ledger.kept import check_kept
from ledger.messages import REPLAY_OF
from ledger.models import ParkedAct, ParkedMessage
from ledger.outcomes import ParkReason
from ledger.queries.parked import became
from ledger.second_person import needs_another
from ledger.sending_again import as_it_would_be_sent, newest_corrections, to_send

MAX_TEXT = 255
MAX_REASON = 1000
SECOND_PERSON = "corrected by the same person, for more than ADJUST_APPROVAL_LIMIT: a second person must replay it"
AT_ONCE = 500  # messages that one call may resolve: it holds them whole in memory

MEANINGS: dict[ParkReason, str] = {
    ParkReason.NOT_JSON: "The body is not JSON. Its producer must send it again, correctly.",
    ParkReason.NOT_A_TASK: "The body is JSON, but not a Celery task message (protocol 2) nor an event's envelope.",
    ParkReason.UNKNOWN_TASK: "There is no task or event of this name. Its producer may be newer than this service.",
    ParkReason.INVALID_FIELD: "A field is missing, unknown or not what the contract allows; the detail says which.",
    ParkReason.POSITIONAL_ARGUMENTS: "The task was sent with positional arguments; only keyword arguments are taken.",
    ParkReason.IDEMPOTENCY_CONFLICT: "Its reference is held by another request, shown beside it. Nothing was applied.",
    ParkReason.NO_ACCOUNT: "It waited for its merchant's account, which did not open in time. Replay it once it has.",
    ParkReason.NO_TARGET: "It waited for the transaction that it aims at, which did not come. Replay it once it has.",
    ParkReason.EXPIRED: "Its time to live had passed before it could be applied. A replay applies it all the same.",
    ParkReason.UNDELIVERABLE: "It was delivered too often without being settled, and failed alone as well.",
    ParkReason.REVOKED: "It was revoked before it was applied. A replay applies it all the same.",
    ParkReason.NOTIFIER_FAILED: "A notifier kept failing. A replay notifies again; credits are not touched.",
    ParkReason.DEFECT: "This message alone fails, by the database's refusal or a defect of ours; the detail says how.",
}


def replay(parked_ids: Collection[int], *, by: str, at: datetime) -> list[int]:
    """Send parked messages to their queues again, through the outbox; the ids of those that this call sent.

    What is sent is the newest correction, where there is one. A message that isn't parked any more, or that came
    from no queue, is left as it is; so is one whose correction moves much and is `by` the same person
    (left_for_another). `by` is who decided, `at` is when. Raises Refused where that is nobody, and ValueError
    for more than AT_ONCE ids.
    """
    with atomic():
        messages = [message for message in _claim(parked_ids) if message.queue]
        corrections = newest_corrections(messages)
        left = _for_another(messages, corrections, by=by)
        messages = [message for message in messages if message.pk not in left]
        acts = _resolve(messages, state=ParkedMessage.State.REPLAYED, by=by, at=at)
        for message, act in zip(messages, acts, strict=True):
            record_message(
                queue=message.queue,
                message=to_send(as_it_would_be_sent(message, corrections.get(message.pk)), replay=act.id, at=at),
                correlation_id=message.correlation_id,
                at=at,
            )
    return [message.pk for message in messages]


def left_for_another(parked_ids: Collection[int], *, by: str) -> list[int]:
    """Those parked messages that this person may not replay: theirs is the correction, and it moves much."""
    messages = ParkedMessage.objects.filter(pk__in=parked_ids, state=ParkedMessage.State.PARKED).order_by("id")
    return _for_another(messages, newest_corrections(messages), by=by)


def dismiss(parked_ids: Collection[int], *, by: str, reason: str, at: datetime) -> list[int]:
    """Settle that nothing more is done about parked messages; the ids of those that this call dismissed.

    `by` is who decided, `reason` is why, `at` is when. Raises Refused where that is nobody or the reason can't be
    kept, and ValueError for more than AT_ONCE ids.
    """
    checked_reason(reason)
    with atomic():
        messages = _claim(parked_ids)
        _resolve(messages, state=ParkedMessage.State.DISMISSED, by=by, at=at, reason=reason)
    return [message.pk for message in messages]


def correct(parked_id: int, *, body: str, headers: str | None = None, by: str, reason: str, at: datetime) -> ParkedAct:
    """Store what a parked message should have been, beside what it was; the next replay sends that.

    headers are a JSON object; left out, they are as they are in what would be sent now. `by` is who says so,
    `reason` is why, `at` is when. Raises Refused, naming the field, where the message is not parked (any more) or
    where a worker would refuse the corrected one, too, or where it is another request than it was.
    """
    checked_reason(reason)
    with atomic():
        message = next(iter(_claim([parked_id])), None)
        if message is None or not message.queue:
            raise Refused(_why_not_corrected(parked_id))
        correction = newest_corrections([message]).get(message.pk)
        corrected = replace(as_it_would_be_sent(message, correction), body=body.encode(errors="surrogatepass"))
        if headers is not None:
            corrected = replace(corrected, headers=headers_in(headers))
        corrected = corrected.without("compression", REPLAY_OF)
        check(corrected)
        check_kept(as_it_would_be_sent(message, None), corrected)
        return ParkedAct.objects.create(
            parked=message,
            what=ParkedAct.What.CORRECTED,
            headers=json.dumps(corrected.headers),
            body=body,
            actor=_person(by),
            reason=reason,
            acted_at=at,
        )


def _why_not_corrected(parked_id: int) -> str:
    """Why there is nothing to correct: it was sent again, or it is none of those that can be."""
    replays = ParkedAct.objects.filter(what=ParkedAct.What.REPLAYED, parked__state=ParkedMessage.State.REPLAYED)
    newest = replays.filter(parked=parked_id).order_by("-id").first()
    if newest is None:
        return "there is no message of this number that is parked and came from a queue"
    if not newest.outcomes.exists():
        return "it has been sent again, and its outcome is awaited"
    return f"it has been sent again, and came to: {became(newest)}"


def _person(by: str) -> str:
    """Who decided, as far as that is kept. Raises Refused where it is nobody."""
    if not by.strip():
        raise Refused("must name somebody", field="by")
    return by[:MAX_TEXT]


def checked_reason(reason: str) -> str:
    """The reason. Raises Refused where it is none, or can't be kept."""
    if not 1 <= len(reason.strip()) <= MAX_REASON:
        raise Refused(f"must have 1 to {MAX_REASON} characters", field="reason")
    try:
        return refuse_unprintable(reason)
    except ValueError as error:
        raise Refused(str(error), field="reason") from None


def _claim(parked_ids: Collection[int]) -> list[ParkedMessage]:
    """Lock those that are still parked, in the order in which the journal locks them too.

    A second call at the same moment waits here and then finds them resolved; on SQLite it waits to begin.
    """
    if len(parked_ids) > AT_ONCE:
        raise ValueError(f"at most {AT_ONCE} messages at once, not {len(parked_ids)}")
    parked = ParkedMessage.objects.filter(pk__in=parked_ids, state=ParkedMessage.State.PARKED)
    return list(parked.order_by("fingerprint").select_for_update())


def _for_another(messages: Collection[ParkedMessage], corrections: Mapping[int, ParkedAct], *, by: str) -> list[int]:
    """Of these the ones that one person alone would have much moved by."""
    return [
        message.pk
        for message in messages
        if (correction := corrections.get(message.pk))
        and correction.actor == _person(by)
        and needs_another(as_it_would_be_sent(message, correction))
    ]


def _resolve(
    messages: Collection[ParkedMessage], *, state: ParkedMessage.State, by: str, at: datetime, reason: str = ""
) -> list[ParkedAct]:
    still_parked = ParkedMessage.objects.filter(
        pk__in=[message.pk for message in messages], state=ParkedMessage.State.PARKED
    )
    person = _person(by)
    still_parked.update(state=state, resolved_at=at, resolved_by=person)
    what = ParkedAct.What(state.value)  # both states are what somebody did
    return ParkedAct.objects.bulk_create(
        ParkedAct(parked=message, what=what, actor=person, reason=reason, acted_at=at) for message in messages
    )
