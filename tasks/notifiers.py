"""Notifications: the follow-up tasks of a low or exhausted balance, and the notifiers that tell people of it.

They run in workers of their own, so that a slow mail server or webhook never delays the ledger.
"""

import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid5

import structlog
from celery import Task, current_app, shared_task
from celery.exceptions import Reject
from django.conf import settings
from django.core.mail import send_mail

from ledger.errors import Trouble
from ledger.journal.keeping import Kept, keep
from ledger.journal.parking import ToPark
from ledger.journal.replays import note_done
from ledger.journal.surely import through_trouble
from ledger.messages import REPLAY_OF, Message
from ledger.outcomes import ParkReason
from tasks import tracing
from tasks.base import StoredTask
from tasks.outgoing import event, follow_up
from tasks.parking import store_parked
from tasks.relay import relay
from tasks.shutdown import Abandoned, pause, unless_stopped

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=10)  # then four times as long each time: 10 s, 40 s, 160 s, 640 s
TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

Envelope = Mapping[str, Any]


@shared_task(base=StoredTask, bind=True, name="credits.notify_low_balance")
def notify_low_balance(self: Task, envelope: dict[str, Any]) -> None:
    """Publish the event of a low balance and start each notifier."""
    _notify(self, envelope)


@shared_task(base=StoredTask, bind=True, name="credits.notify_exhausted")
def notify_exhausted(self: Task, envelope: dict[str, Any]) -> None:
    """Publish the event of an exhausted balance and start each notifier."""
    _notify(self, envelope)


@shared_task(base=StoredTask, bind=True, name="credits.notify_by_email")
def notify_by_email(self: Task, envelope: dict[str, Any]) -> None:
    """Send one e-mail to NOTIFY_EMAILS."""
    _deliver(self, envelope, send_email)


@shared_task(base=StoredTask, bind=True, name="credits.notify_by_webhook")
def notify_by_webhook(self: Task, envelope: dict[str, Any]) -> None:
    """POST the event to NOTIFY_WEBHOOK_URL, signed."""
    _deliver(self, envelope, call_webhook)


def configured_notifiers() -> list[str]:
    """The tasks of the notifiers that the settings name; none by default."""
    notifiers = []
    if settings.NOTIFY_EMAILS:
        notifiers.append(notify_by_email.name)
    if settings.NOTIFY_WEBHOOK_URL:
        notifiers.append(notify_by_webhook.name)
    return notifiers


def _notify(task: Task, envelope: Envelope) -> None:
    """Put the event and a task for each notifier on the broker, all confirmed; again for as long as it takes."""
    event_id = UUID(envelope["event_id"])
    messages = [event(current_app, id=event_id, envelope=envelope)]
    for name in configured_notifiers():
        id_ = uuid5(event_id, name)
        messages.append(follow_up(current_app, name, id=id_, task_id=str(id_), envelope=envelope))
    if tracing.is_on():
        messages = [tracing.headed(message, task.request.get(tracing.TRACEPARENT) or "") for message in messages]
    seconds = FIRST_PAUSE_S
    while not relay.send(messages):
        if not pause(seconds):
            raise Reject("stopping while the broker is away", requeue=True)
        seconds = min(seconds * 2, LONGEST_PAUSE_S)
    log.info("event published", event_type=envelope["event_type"], correlation_id=envelope["correlation_id"])
    _note_done(task)


def send_email(envelope: Envelope) -> None:
    """Tell NOTIFY_EMAILS of an event. Raises what the mail server's connection raises."""
    data = envelope["data"]
    lines = [f"{name}: {value}" for name, value in data.items()]
    send_mail(
        subject=f"{envelope['event_type']} for merchant {data['merchant_id']}",
        message="\n".join([*lines, f"correlation_id: {envelope['correlation_id']}"]),
        from_email=None,  # DEFAULT_FROM_EMAIL
        recipient_list=list(settings.NOTIFY_EMAILS),
    )


def call_webhook(envelope: Envelope) -> None:
    """POST an event, signed with HMAC-SHA256 over "<timestamp>.<body>". Raises OSError unless answered by 2xx."""
    body = json.dumps(envelope, separators=(",", ":")).encode()
    timestamp = str(int(time.time()))
    request = urllib.request.Request(  # noqa: S310  (the address comes from the environment alone)
        settings.NOTIFY_WEBHOOK_URL,
        data=body,
        headers={
            "Content-Type": "application/json",
            "X-Event-ID": envelope["event_id"],
            "X-Credits-Timestamp": timestamp,
            "X-Credits-Signature": f"sha256={signature(body, timestamp)}",
        },
    )
    with _opener.open(request, timeout=TIMEOUT_S):
        pass


class _NotFollowed(urllib.request.HTTPRedirectHandler):
    """A redirect is no delivery: following it would drop the body, and hand the signature to somebody else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Refuse, so that the answer counts as the error that it is."""


_opener = urllib.request.build_opener(_NotFollowed)


def signature(body: bytes, timestamp: str) -> str:
    """The hexadecimal HMAC-SHA256 of a webhook's body, with NOTIFY_WEBHOOK_SECRET."""
    secret = settings.NOTIFY_WEBHOOK_SECRET.encode()
    return hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def _deliver(task: Task, envelope: Envelope, send: Callable[[Envelope], None]) -> None:
    """Send once; on failure keep the message for a later attempt, and park it after the last one.

    Raises Reject, and the message comes again, where the worker stops before there is an answer.
    """
    try:
        unless_stopped(partial(send, envelope))
    except Abandoned:
        raise Reject("stopping before there is an answer", requeue=True) from None
    except Exception as error:
        attempt = task.request.retries + 1
        log.warning("notifier failed", notifier=task.name, attempt=attempt, correlation_id=envelope["correlation_id"])
        _store_failure(task, envelope, error=error, attempt=attempt)
    else:
        _note_done(task)


def _note_done(task: Task) -> None:
    """Note with the replay that brought the task, if one did, that it was carried out: it moved no credits."""
    replay = task.request.get(REPLAY_OF)
    if replay:
        through_trouble(lambda: note_done(str(replay)), pause=pause)


def _store_failure(task: Task, envelope: Envelope, *, error: Exception, attempt: int) -> None:
    message = _message(task, envelope)
    correlation_id = envelope["correlation_id"]
    try:
        if attempt >= MAX_ATTEMPTS:
            parked = ToPark(
                message=message,
                reason=ParkReason.NOTIFIER_FAILED,
                detail=f"{attempt} attempts, the last: {type(error).__name__}",
                correlation_id=correlation_id,
                merchant_id=UUID(envelope["data"]["merchant_id"]),
            )
            store_parked([parked])
        else:
            again = replace(message, headers={**message.headers, "retries": attempt})
            due_at = datetime.now(UTC) + FIRST_DELAY * 4 ** (attempt - 1)
            kept = Kept(message=again, correlation_id=correlation_id, due_at=due_at)
            through_trouble(lambda: keep([kept]), pause=pause)
    except Trouble as trouble:
        raise Reject(str(trouble), requeue=True) from trouble


def _message(task: Task, envelope: Envelope) -> Message:
    """The message that this attempt came by, as for its first attempt."""
    queue = current_app.conf.task_routes[task.name]["queue"]
    outgoing = follow_up(current_app, task.name, id=UUID(task.request.id), task_id=task.request.id, envelope=envelope)
    replay = task.request.get(REPLAY_OF)
    headers = {**outgoing.headers, REPLAY_OF: replay} if replay else outgoing.headers
    return Message(queue=queue, name=task.name, body=outgoing.body, headers=headers, properties=outgoing.properties)
