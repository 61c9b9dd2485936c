"""The second person: which corrected messages are sent by another person than the one who corrected them."""

from django.conf import settings
from pydantic import ValidationError

from ledger.commands import COMMANDS, Command, Consume, ConsumeMany
from ledger.correcting import name_of
from ledger.messages import Message, content_of, fields_in
from ledger.plain_events import EVENTS
from ledger.policy import current_policy
from ledger.requests import Request
from ledger.rules.movements import movement_of, moves


def needs_another(corrected: Message) -> bool:
    """Whether a corrected message asks for more than ADJUST_APPROVAL_LIMIT credits in all, whichever way they go.

    One that states no amount (all of a hold or of a transaction), or can't be read any more, may be for any.
    """
    try:
        commands = [command for command in _commands_in(corrected) if moves(command)]
    except (ValidationError, KeyError):
        return True
    policy = current_policy()
    amounts = [movement_of(Request(command, ""), policy).amount for command in commands]
    return None in amounts or sum(amount or 0 for amount in amounts) > settings.ADJUST_APPROVAL_LIMIT


def _commands_in(message: Message) -> list[Command]:
    name, fields = name_of(message), fields_in(content_of(message.body))
    if name == ConsumeMany.task:
        return [Consume.model_validate(item) for item in ConsumeMany.model_validate(fields).items]
    if name in EVENTS:
        return [EVENTS[name].model_validate(fields).as_command()]
    return [COMMANDS[name].model_validate(fields)]
