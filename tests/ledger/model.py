"""The rules told once more as plainly as can be, sharing no code with them: what property tests hold the plan to."""

from typing import Any
from uuid import UUID

from ledger.commands import Command, ConsumeMatch, Grant, OpenAccount, Purchase, StartTrial

FULL = 10**15
Decided = tuple[Any, ...]


class Model:
    """One balance a merchant, who holds which reference, who waits; every request by itself."""

    def __init__(self, *, trial: int, threshold: int, every: bool, balances: dict[UUID, int]) -> None:
        self.trial, self.threshold, self.every = trial, threshold, every
        self.balances, self.shops, self.held = dict(balances), dict.fromkeys(balances, ""), dict[Any, Any]()
        self.waiting: list[Command] = []
        self.low: set[UUID] = set()
        self.told: list[tuple[UUID, str, int]] = []

    def decide(self, command: Command) -> Decided:
        """(status, what its balance was then, why, whether it is a replay) of one request."""
        if isinstance(command, OpenAccount):
            return self._open(command)
        merchant, (reference, change, stated) = command.merchant_id, self._asked(command)
        if reference in self.held:
            holder, was_credit, held_amount, outcome = self.held[reference]
            is_same = holder == merchant and was_credit == (change > 0) and stated in (None, held_amount)
            return (*outcome, "replayed") if is_same else ("parked",)
        if merchant not in self.balances:
            self.waiting.append(command)
            return ("waiting",)
        after = self.balances[merchant] + change
        reason = "insufficient_credits" if after < 0 else "balance_limit" if change > 0 and after > FULL else None
        self.balances[merchant] = self.balances[merchant] if reason else after
        outcome = ("declined" if reason else "posted", self.balances[merchant], reason)
        self.held[reference] = (merchant, change > 0, stated, outcome)
        self._tell(merchant, change, reason)
        return outcome

    def _open(self, command: OpenAccount) -> Decided:
        merchant = command.merchant_id
        if merchant in self.balances:
            differs = command.shop_domain != self.shops[merchant]
            return ("unchanged", self.balances[merchant], "shop_differs" if differs else None)
        self.balances[merchant], self.shops[merchant] = 0, command.shop_domain
        own = [waiting for waiting in self.waiting if waiting.merchant_id == merchant]
        self.waiting = [waiting for waiting in self.waiting if waiting.merchant_id != merchant]
        for waiting in own:
            self.decide(waiting)
        return ("posted", 0, None)

    def _tell(self, merchant: UUID, change: int, reason: str | None) -> None:
        balance = self.balances[merchant]
        tell = lambda name: self.told.append((merchant, f"evt.credits.{name}.v1", balance))  # noqa: E731
        if reason:
            return tell("insufficient") if change < 0 else None
        tell("granted" if change > 0 else "consumed")
        if change < 0 and balance < self.threshold and (self.every or merchant not in self.low):
            tell("low_balance")
        if change < 0 and balance == 0:
            tell("exhausted")
        if change > 0 and balance >= self.threshold and merchant in self.low:
            tell("recovered")
        if change < 0 and balance < self.threshold:
            self.low.add(merchant)
        if change > 0 and balance >= self.threshold:
            self.low.discard(merchant)
        return None

    def _asked(self, command: Any) -> tuple[tuple[str, str], int, int | None]:
        """The reference, the change of the balance, the amount that the caller stated."""
        match command:
            case StartTrial():
                return ("trial", f"TRIAL_GRANT_{command.merchant_id}"), self.trial, None
            case Purchase():
                return ("purchase", command.purchase_id), command.credits, command.credits
            case ConsumeMatch():
                return ("match", command.match_id), -1, 1
        sign = 1 if isinstance(command, Grant) else -1
        return (command.reference_type, command.reference_id), sign * command.amount, command.amount
