"""The commands' tasks, by their names in the contract; each parses, calls the journal, and returns the outcome.

Most messages never get here: the strategy gathers them into batches. These bodies carry out what somebody waits for
(a result, a link, a chain), and what is applied eagerly.
"""

from typing import Any

from celery import Task, shared_task

from ledger.journal.parking import ToPark
from ledger.messages import Message, replay_in
from ledger.outcomes import Outcome, ParkReason, Status
from ledger.requests import Request
from tasks.base import StoredTask, message_of
from tasks.errors import CommandParked, Refusal
from tasks.handing import handed_to
from tasks.parking import store_parked
from tasks.posting import post_requests
from tasks.reading import Item, parked, read_command, read_correlation_id, to_park


class CommandTask(StoredTask):
    """A command of the contract: gathered where nobody waits for it; acknowledged once its outcome is stored."""

    abstract = True
    Strategy = "tasks.strategy:gathered"
    throws = (CommandParked,)  # expected: logged without a traceback
    acks_on_failure_or_timeout = True  # a failure here is a parked message: it is stored, not lost
    ignore_result = True
    typing = False  # positional arguments are parked, like anything else that is malformed


@shared_task(base=CommandTask, bind=True, name="credits.open_account")
def open_account(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Open the merchant's account at 0."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.change_shop")
def change_shop(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Move the account to another shop, as of changed_at."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.start_trial")
def start_trial(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Grant the trial's credits, once per merchant for ever."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.purchase")
def purchase(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Grant credits that were bought."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.grant")
def grant(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Grant credits for any other reason."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.reverse")
def reverse(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Undo a posted transaction, all or part of it."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.consume_match")
def consume_match(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Consume one credit for an AI match that was delivered."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.consume")
def consume(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Consume credits for any other reason."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.hold")
def hold(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Set credits aside for a while."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.capture")
def capture(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Consume what a hold has set aside, all or part."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.release")
def release(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Give up a hold."""
    return carry_out(self, args, kwargs)


@shared_task(base=CommandTask, bind=True, name="credits.consume_many")
def consume_many(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Consume for 1 to 500 items, each of which stands on its own; {"status": "posted" | "mixed", "items": […]}."""
    outcomes = _outcomes(self, args, kwargs)
    posted = all(outcome.status is Status.POSTED for outcome in outcomes)
    return {"status": "posted" if posted else "mixed", "items": [outcome.as_dict() for outcome in outcomes]}


def carry_out(task: Task, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The outcome of one command. Raises CommandParked, carrying it, where the command can't be carried out."""
    (outcome,) = _outcomes(task, args, kwargs)
    if outcome.status is Status.PARKED:
        raise CommandParked(outcome.as_dict())
    return outcome.as_dict()


def _outcomes(task: Task, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Outcome]:
    """What became of each request of a task. Raises CommandParked where the message as a whole is refused."""
    message, handed = message_of(task, args, kwargs), handed_to(task)
    fields = handed.fields if handed else kwargs
    try:
        if handed and handed.refusal:
            raise handed.refusal
        items = _read(task, args, fields, message)
    except Refusal as refusal:
        refused = to_park(refusal, message=message, correlation_id=_correlation_id(task, message), fields=fields)
        store_parked([refused])
        outcome = Outcome(Status.PARKED, merchant_id=refused.merchant_id, reason=str(refusal))
        raise CommandParked(outcome.as_dict()) from None
    return _decide(items)


def _read(task: Task, args: tuple[Any, ...], fields: Any, message: Message) -> list[Item]:
    if args:
        raise Refusal(ParkReason.POSITIONAL_ARGUMENTS, field="args", detail="use keyword arguments only")
    given = _given_correlation_id(task, message)
    return read_command(
        task.name,
        fields,
        correlation_id=given,
        whole=lambda: message,
        producer=message.producer,
        replay=replay_in(message.headers),
    )


def _decide(items: list[Item]) -> list[Outcome]:
    requests = [item for item in items if isinstance(item, Request)]
    refused = [item for item in items if isinstance(item, ToPark)]
    outcomes = iter(post_requests(requests).outcomes)
    store_parked(refused)
    return [next(outcomes) if isinstance(item, Request) else parked(item) for item in items]


def _correlation_id(task: Task, message: Message) -> str:
    try:
        return _given_correlation_id(task, message)
    except Refusal:
        return ""


def _given_correlation_id(task: Task, message: Message) -> str:
    """From the message's own header: Celery overwrites task.request.correlation_id with the broker's property."""
    return read_correlation_id(message.headers.get("correlation_id"), task.request.root_id, task.request.id)
