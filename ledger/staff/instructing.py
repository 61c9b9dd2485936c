"""Instructing: one instruction of a person, checked, and carried out as a request of its own."""

from typing import Any, TypeVar

from pydantic import ValidationError

from ledger.errors import Refused
from ledger.fields import first_refused
from ledger.identifiers import new_correlation_id
from ledger.instructions import Instruction
from ledger.journal import post
from ledger.models import Account
from ledger.outcomes import Outcome
from ledger.requests import Request

Told = TypeVar("Told", bound=Instruction)


def instruction(told: type[Told], account: Account, **fields: Any) -> Told:
    """An instruction about an account. Raises Refused that names the first field that can't be accepted."""
    try:
        return told(merchant_id=account.merchant_id, **fields)
    except ValidationError as error:
        field, message = first_refused(error)
        raise Refused(message, field=field) from None


def carry_out(told: Instruction) -> Outcome:
    """Have the journal decide an instruction, under a correlation id of its own."""
    return post([Request(told, new_correlation_id())])[0]
