"""The rules told once more as plainly as can be, sharing no code with them: what property tests hold the plan to.

Every look goes over all lots and holds: nothing is sorted ahead, indexed or remembered.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.commands import Command, OpenAccount
from ledger.instructions import Freeze, Thaw
from tests.ledger.asked import Asked, asked_by

FULL = 10**15
FAR = "9999"
Decided = tuple[Any, ...]
Parts = list[tuple["Lot", int]]


@dataclass(eq=False)
class Lot:
    """What is left of one credit; posted counts when it came to be spendable, None until then."""

    name: tuple[str, str]
    amount: int
    asked: Asked
    effective: datetime
    left: int = 0
    posted: int | None = None
    waits: bool = False
    parts: int = 0
    warned: bool = False


@dataclass(eq=False)
class Hold:
    """So many credits set aside until a moment."""

    name: tuple[str, str]
    amount: int
    took: Parts
    until: datetime
    status: str = "open"


@dataclass
class Claim:
    """What became of a request that took a reference."""

    merchant: UUID
    asked: Asked
    outcome: Decided
    credit: bool
    amount: int
    took: Parts = field(default_factory=list)
    lot: Lot | None = None
    hold: Hold | None = None
    undone: int = 0


@dataclass
class Account:
    """One merchant's credits, in the order in which they came; clock is when anything last happened."""

    shop: str
    clock: datetime
    granted: int = 0
    consumed: int = 0
    expired: int = 0
    low: bool = False
    frozen: bool = False
    posted: int = 0
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return sum(lot.left for lot in self.lots)

    @property
    def open_holds(self) -> list[Hold]:
        return [hold for hold in self.holds if hold.status == "open"]

    @property
    def available(self) -> int:
        return self.balance - sum(hold.amount for hold in self.open_holds)

    def free(self, lot: Lot) -> int:
        return lot.left - sum(part for hold in self.open_holds for its, part in hold.took if its is lot)

    def burn(self, amount: int) -> Parts:
        """Which lots so many credits come from: one credit after the other from the lot that is then the first."""
        parts: Parts = []
        spare = {id(lot): self.free(lot) for lot in self.lots if not lot.waits}
        while amount:
            first = min((lot for lot in self.lots if spare.get(id(lot))), key=_rank)
            part = min(amount, spare.pop(id(first)))
            parts.append((first, part))
            amount -= part
        return parts


def _rank(lot: Lot) -> tuple[Any, ...]:
    expires = lot.asked.expires_at.isoformat() if lot.asked.expires_at else FAR
    return (lot.asked.priority, expires, not lot.asked.promotional, lot.effective, lot.posted)


class Model:
    """Who has which lots and holds, who has which reference, who waits; every request by itself."""

    def __init__(self, *, trial: int, trials_expire: bool, threshold: int, every: bool, soon: timedelta) -> None:
        self.trial, self.trials_expire, self.threshold, self.every, self.soon = (
            trial, trials_expire, threshold, every, soon,
        )  # fmt: skip
        self.accounts: dict[UUID, Account] = {}
        self.claims: dict[tuple[str, str], Claim] = {}
        self.waiting: list[Command] = []
        self.told: list[tuple[UUID, str, int, int | None]] = []

    def open_with(self, merchant: UUID, *, shop: str, lot: Lot) -> None:
        """An account that is open from the start, with one lot."""
        self.accounts[merchant] = Account(shop, lot.effective, granted=lot.left, lots=[lot])

    def decide(self, command: Command, now: datetime) -> Decided:
        """(status, what its balance was then, why, whether it is a replay) of one request."""
        if isinstance(command, OpenAccount):
            return self._open(command, now)
        self.pass_time(command.merchant_id, now)
        outcome = self._carry_out(command, now)
        self.pass_time(command.merchant_id, now)
        return outcome

    def _open(self, command: OpenAccount, now: datetime) -> Decided:
        merchant = command.merchant_id
        if merchant in self.accounts:
            self.pass_time(merchant, now)
            account = self.accounts[merchant]
            return ("unchanged", account.balance, "shop_differs" if command.shop_domain != account.shop else None)
        self.accounts[merchant] = Account(command.shop_domain, now)
        before, self.waiting = self.waiting, []
        for waiting in before:
            if waiting.merchant_id == merchant:
                self.decide(waiting, now)
            else:
                self.waiting.append(waiting)
        return ("posted", 0, None)

    def _carry_out(self, command: Command, now: datetime) -> Decided:
        merchant, account = command.merchant_id, self.accounts.get(command.merchant_id)
        if isinstance(command, Freeze | Thaw):
            assert account is not None
            changes, account.frozen = account.frozen != isinstance(command, Freeze), isinstance(command, Freeze)
            account.clock = now if changes else account.clock
            return ("posted" if changes else "unchanged", account.balance, None)
        asked = asked_by(command, trial=self.trial, trials_expire=self.trials_expire)
        target = self.claims.get(asked.target) if asked.target else None
        target = target if target and target.merchant == merchant else None
        held = self.claims.get(asked.reference)
        if held is not None:
            same = (held.merchant, held.asked.operation) == (merchant, asked.operation)
            same = same and (asked.target is None or (target is not None and held.asked.target == asked.target))
            same = same and asked.stated in (None, held.asked.stated)
            return (*held.outcome, "replayed") if same else ("parked",)
        if account is None or (asked.target and target is None):
            self.waiting.append(command)
            return ("waiting",)
        claim = Claim(merchant, asked, (), credit=asked.credit, amount=asked.amount or 0)
        self.claims[asked.reference], account.clock = claim, now
        status, reason = getattr(self, f"_{asked.does}")(account, claim, target, now)
        claim.outcome = (status, account.balance, reason)
        if status == "declined":
            name = "insufficient" if reason == "insufficient_credits" else "declined"
            self._tell(merchant, name, claim.amount)
        return claim.outcome

    def _grant(self, account: Account, claim: Claim, _: Claim | None, now: datetime) -> Decided:
        effective = claim.asked.effective_at
        later = effective is not None and effective > now
        if not later and account.balance + claim.amount > FULL:
            return ("declined", "balance_limit")
        claim.lot = Lot(claim.asked.reference, claim.amount, claim.asked, effective or now, waits=later)
        account.lots.append(claim.lot)
        if later:
            return ("recorded", None)
        self._fill(claim.merchant, claim.lot)
        return ("posted", None)

    def _fill(self, merchant: UUID, lot: Lot) -> None:
        account, lot.waits = self.accounts[merchant], False
        if account.balance + lot.amount > FULL:
            return self._tell(merchant, "declined", lot.amount)
        account.granted += lot.amount
        account.posted += 1
        lot.left, lot.posted = lot.amount, account.posted
        self._tell(merchant, "granted", lot.amount)
        return self._alert(merchant, credit=True)

    def _consume(self, account: Account, claim: Claim, _: Claim | None, now: datetime) -> Decided:
        if refused := self._refused(account, claim):
            return refused
        self._debit(claim, account.burn(claim.amount), "consumed")
        return ("posted", None)

    def _refused(self, account: Account, claim: Claim) -> Decided | None:
        if account.frozen:
            return ("declined", "frozen")
        return ("declined", "insufficient_credits") if claim.amount > account.available else None

    def _debit(self, claim: Claim, parts: Parts, name: str) -> None:
        account = self.accounts[claim.merchant]
        claim.took, claim.amount = parts, sum(part for _, part in parts)
        for lot, part in parts:
            lot.left -= part
        account.posted += 1
        if name == "reversed":
            account.granted -= claim.amount
        elif name == "expired":
            account.expired += claim.amount
        else:
            account.consumed += claim.amount
        self._tell(claim.merchant, name, claim.amount)
        self._alert(claim.merchant, credit=False)

    def _hold(self, account: Account, claim: Claim, _: Claim | None, now: datetime) -> Decided:
        if refused := self._refused(account, claim):
            return refused
        until = now + timedelta(seconds=claim.asked.expires_in_s or 0)
        claim.hold = Hold(claim.asked.reference, claim.amount, account.burn(claim.amount), until)
        account.holds.append(claim.hold)
        self._tell(claim.merchant, "held", claim.amount)
        return ("recorded", None)

    def _capture(self, account: Account, claim: Claim, target: Claim, now: datetime) -> Decided:
        claim.amount = claim.asked.amount or target.amount
        if target.hold is None:
            return ("declined", "not_a_hold")
        if target.hold.status != "open":
            return ("declined", f"already_{target.hold.status}")
        if claim.amount > target.hold.amount:
            return ("declined", "more_than_held")
        target.hold.status = "captured"
        self._debit(claim, _first(target.hold.took, claim.amount), "captured")
        return ("posted", None)

    def _release(self, account: Account, claim: Claim, target: Claim, now: datetime) -> Decided:
        claim.amount = target.amount
        if target.hold is None:
            return ("declined", "not_a_hold")
        if target.hold.status != "open":
            return ("declined", f"already_{target.hold.status}")
        target.hold.status = "released"
        self._tell(claim.merchant, "released", claim.amount)
        return ("recorded", None)

    def _reverse(self, account: Account, claim: Claim, target: Claim, now: datetime) -> Decided:
        left = target.amount - target.undone
        claim.amount = claim.asked.amount or left or target.amount
        claim.credit = not target.credit
        was_posted = target.outcome[0] == "posted" or (target.lot is not None and target.lot.posted is not None)
        if target.asked.operation not in ("credit", "debit", "capture") or not was_posted:
            return ("declined", "not_reversible")
        if not left:
            return ("declined", "already_reversed")
        if claim.amount > left:
            return ("declined", "more_than_posted")
        if target.lot is None:
            return self._give_back(account, claim, target)
        free = account.free(target.lot)
        if free < claim.amount:
            if not (free and claim.asked.takes_what_is_left):
                return ("declined", "already_spent")
            claim.amount = free
        target.undone += claim.amount
        self._debit(claim, [(target.lot, claim.amount)], "reversed")
        return ("posted", None)

    def _give_back(self, account: Account, claim: Claim, target: Claim) -> Decided:
        if account.balance + claim.amount > FULL:
            return ("declined", "balance_limit")
        backwards = [lot for lot, part in reversed(target.took) for _ in range(part)]
        given = backwards[target.undone : target.undone + claim.amount]
        claim.took = [(lot, given.count(lot)) for lot in dict.fromkeys(given)]
        for lot, part in claim.took:
            lot.left += part
        target.undone += claim.amount
        account.consumed -= claim.amount
        account.posted += 1
        self._tell(claim.merchant, "reversed", claim.amount)
        self._alert(claim.merchant, credit=True)
        return ("posted", None)

    # What time does.

    def pass_time(self, merchant: UUID, now: datetime) -> None:
        """Do all that is due, one thing after the other, each time looking at everything."""
        account, moment = self.accounts.get(merchant), datetime.min.replace(tzinfo=now.tzinfo)
        while account is not None:
            account.clock = max(account.clock, moment)
            due = [(max(at, moment), rank, place, work) for place, (at, rank, work) in enumerate(self._due(account))]
            due = [item for item in due if item[0] <= now]
            if not due:
                return
            moment, _, _, (what, thing) = min(due, key=lambda item: item[:3])
            getattr(self, f"_time_{what}")(merchant, account, thing, moment)

    def _due(self, account: Account) -> Iterator[tuple[datetime, int, tuple[str, Any]]]:
        for hold in account.open_holds:
            yield hold.until, 0, ("runs_out", hold)
        for lot in account.lots:
            expires = lot.asked.expires_at
            if lot.waits:
                yield lot.effective, 2, ("fills", lot)
            elif expires is not None and lot.left:
                if account.free(lot):
                    yield expires, 1, ("expires", lot)
                if not lot.warned:
                    yield expires - self.soon, 3, ("warns", lot)

    def _time_runs_out(self, merchant: UUID, account: Account, hold: Hold, at: datetime) -> None:
        hold.status = "expired"
        self._tell(merchant, "released", hold.amount)

    def _time_expires(self, merchant: UUID, account: Account, lot: Lot, at: datetime) -> None:
        lot.parts += 1
        name = ("expire", f"{'/'.join(lot.name)}:{lot.parts}")
        self.claims[name] = claim = Claim(
            merchant, Asked(name, "expire", "expire"), ("posted",), credit=False, amount=0
        )
        self._debit(claim, [(lot, account.free(lot))], "expired")

    def _time_fills(self, merchant: UUID, account: Account, lot: Lot, at: datetime) -> None:
        self._fill(merchant, lot)

    def _time_warns(self, merchant: UUID, account: Account, lot: Lot, at: datetime) -> None:
        lot.warned = True
        assert lot.asked.expires_at is not None
        if max(at, account.clock) < lot.asked.expires_at:
            self._tell(merchant, "expiring_soon", lot.left)

    # What is told.

    def _tell(self, merchant: UUID, name: str, amount: int | None = None) -> None:
        self.told.append((merchant, f"evt.credits.{name}.v1", self.accounts[merchant].balance, amount))

    def _alert(self, merchant: UUID, *, credit: bool) -> None:
        account = self.accounts[merchant]
        is_low = account.balance < self.threshold
        if credit:
            if account.low and not is_low:
                account.low = False
                self._tell(merchant, "recovered")
            return
        if is_low and (self.every or not account.low):
            self._tell(merchant, "low_balance")
        account.low = account.low or is_low
        if account.balance == 0:
            self._tell(merchant, "exhausted")


def _first(parts: Parts, amount: int) -> Parts:
    credits = [lot for lot, part in parts for _ in range(part)][:amount]
    return [(lot, credits.count(lot)) for lot in dict.fromkeys(credits)]
