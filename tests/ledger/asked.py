"""What a command asks for, read off its fields once more: what the model knows of a request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.commands import Capture, Consume, ConsumeMatch, Grant, Hold, Purchase, Release, Reverse, StartTrial

DOES = {
    StartTrial: ("grant", "credit"),
    Purchase: ("grant", "credit"),
    Grant: ("grant", "credit"),
    ConsumeMatch: ("consume", "debit"),
    Consume: ("consume", "debit"),
    Hold: ("hold", "hold"),
    Capture: ("capture", "capture"),
    Release: ("release", "release"),
    Reverse: ("reverse", "reverse"),
}


@dataclass(kw_only=True)
class _Terms:
    amount: int | None = None
    stated: int | None = None
    target: tuple[str, str] | None = None
    expires_in_s: int | None = None
    takes_what_is_left: bool = False
    priority: int = 50
    promotional: bool = True
    effective_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass
class Asked(_Terms):
    """The reference that is claimed, what is done, which operation counts as the same, and the terms."""

    reference: tuple[str, str]
    does: str
    operation: str

    @property
    def credit(self) -> bool:
        return self.operation in ("credit", "release")


def asked_by(command: Any, *, trial: int, trials_expire: bool) -> Asked:
    """What a command that claims a reference asks for."""
    does, operation = DOES[type(command)]
    match command:
        case StartTrial():
            reference = ("trial", f"TRIAL_GRANT_{command.merchant_id}")
            expires_at = command.ends_at if trials_expire else None
            return Asked(reference, does, operation, amount=trial, expires_at=expires_at)
        case Purchase():
            reference, amount = ("purchase", command.purchase_id), command.credits
            return Asked(reference, does, operation, amount=amount, stated=amount, promotional=False)
        case ConsumeMatch():
            return Asked(("match", command.match_id), does, operation, amount=1, stated=1)
    amount = getattr(command, "amount", None)
    asked = Asked((command.reference_type, command.reference_id), does, operation, amount=amount, stated=amount)
    match command:
        case Grant():
            asked.priority, asked.promotional = command.priority, command.category == "promotional"
            asked.effective_at, asked.expires_at = command.effective_at, command.expires_at
        case Hold():
            asked.expires_in_s = command.expires_in_s
        case Capture() | Release():
            asked.target = (command.hold_reference_type, command.hold_reference_id)
        case Reverse():
            asked.target = (command.original_reference_type, command.original_reference_id)
            asked.takes_what_is_left = command.on_shortfall == "take_what_is_left"
    return asked
