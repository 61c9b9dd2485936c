"""Sequences of requests for property tests: few merchants, references and amounts, so that they keep colliding."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import TypeVar
from uuid import UUID, uuid5

from hypothesis import strategies as st

from ledger.commands import (
    Capture,
    Command,
    Consume,
    ConsumeMatch,
    Grant,
    Hold,
    OpenAccount,
    Purchase,
    Release,
    Reverse,
    StartTrial,
)
from ledger.instructions import Freeze, Instruction, Thaw
from ledger.messages import Message
from ledger.requests import Request
from ledger.rules.state import Alerts, Policy

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=36500)
NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
MERCHANTS = 3
RICH = MERCHANTS  # a further merchant, whose account is open from the start and all but full
MAX_REQUESTS = 30
HOUR = timedelta(hours=1)

POLICIES = [
    Policy(
        trial_credits=3,
        trials_expire=alerts is Alerts.EVERY,
        low_balance_threshold=3,
        alerts=alerts,
        expiring_soon=1.5 * HOUR,
    )
    for alerts in Alerts
]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A request in outline; its merchant and its references are numbers, so that it can be told again elsewhere.

    reference is one of a few, or None for one of its own. A request that aims at another aims at the back-th of those
    before it that fit, counted from the newest; where it goes astray, at any one, for a merchant that is not the
    other's. pause is how many hours after the request before it came; effective and expires are hours from the start.
    """

    command: type[Command]
    merchant: int
    amount: int
    in_part: bool
    reference_type: str
    reference: int | None
    back: int
    astray: bool
    shop: int
    pause: int
    lasts: int
    effective: int | None
    expires: int | None
    priority: int
    category: str
    on_shortfall: str
    is_ahead_of_its_time: bool


REFERENCE_TYPES = ["purchase", "match", "goodwill"]
ANYTHING = {
    "command": st.sampled_from(
        [
            *(OpenAccount, OpenAccount, OpenAccount, StartTrial, Purchase, Purchase, Grant, Grant, Grant, ConsumeMatch),
            *(Consume, Consume, Consume, Hold, Hold, Hold, Capture, Capture, Release, Reverse, Reverse, Reverse),
            *(Freeze, Thaw),
        ]
    ),
    "merchant": st.sampled_from([0, 0, 0, 0, 1, 2, RICH, RICH]),
    "amount": st.integers(1, 4),
    "in_part": st.booleans(),
    "reference_type": st.sampled_from(REFERENCE_TYPES),
    "reference": st.sampled_from([None] * 6 + [1, 2, 3]),
    "back": st.sampled_from([1, 1, 1, 2, 3]),
    "astray": st.sampled_from([False] * 9 + [True]),
    "shop": st.sampled_from([1, 1, 1, 2]),
    "pause": st.sampled_from([0, 0, 0, 0, 1, 2]),
    "lasts": st.integers(1, 3),
    "effective": st.sampled_from([None, None, None, 1, 3]),
    "expires": st.sampled_from([None, 4, 5, 8]),
    "priority": st.sampled_from([50, 50, 0, 99]),
    "category": st.sampled_from(["paid", "promotional"]),
    "on_shortfall": st.sampled_from(["decline", "take_what_is_left"]),
    "is_ahead_of_its_time": st.sampled_from([False] * 9 + [True]),
}


def sketched(**fixed: object) -> st.SearchStrategy[Sketch]:
    """A sketch of anything, but for what is fixed."""
    return st.builds(Sketch, **{**ANYTHING, **{name: st.just(value) for name, value in fixed.items()}})


def with_lots(sketches: st.SearchStrategy[list[Sketch]]) -> st.SearchStrategy[list[Sketch]]:
    """The sketches after a beginning in which an account gets three lots and loses some of their credits."""
    ours = {"merchant": 0, "pause": 0, "reference": None, "is_ahead_of_its_time": False, "astray": False}
    beginning = st.tuples(
        sketched(command=OpenAccount, **ours),
        *(sketched(command=Grant, **ours, effective=None, amount=amount) for amount in (1, 2, 3)),
        *(sketched(command=command, **ours, amount=3) for command in (Consume, Hold)),
    )
    return st.builds(lambda first, then: [*first, *then], beginning, sketches)


ANY = st.lists(sketched(), min_size=MAX_REQUESTS // 4, max_size=MAX_REQUESTS)
SEQUENCES = st.one_of(ANY, with_lots(st.lists(sketched(), min_size=4, max_size=MAX_REQUESTS - 6)))
CUTS = st.frozensets(st.integers(1, MAX_REQUESTS - 1))


def merchant_in(world: str, number: int) -> UUID:
    """The id of a merchant in one telling of a sequence."""
    return uuid5(NAMESPACE, f"{world}/{number}")


def told(sketches: Sequence[Sketch], *, world: str) -> list[Request]:
    """The requests of a sequence; those of another world share neither merchants nor references with them."""
    return [_request(index, sketches, world) for index in range(len(sketches))]


def moments(sketches: Sequence[Sketch]) -> list[datetime]:
    """When each request of a sequence came."""
    return [NOW + hours * HOUR for hours in accumulate(sketch.pause for sketch in sketches)]


def at_one_moment(cuts: frozenset[int], times: Sequence[datetime]) -> frozenset[int]:
    """The cuts, and one wherever time has passed: a batch has one moment."""
    return cuts | {place for place, (before, after) in enumerate(pairwise(times), 1) if before != after}


def cut(items: Sequence[Item], cuts: frozenset[int]) -> Iterator[Sequence[Item]]:
    """The items in batches that end at the cuts, empty ones left out."""
    if not items:
        return iter(())
    ends = [0, *sorted(end for end in cuts if end < len(items)), len(items)]
    return (items[start:end] for start, end in pairwise(ends))


def _request(index: int, sketches: Sequence[Sketch], world: str) -> Request:
    sketch = sketches[index]
    aimed_at = _aimed_at(index, sketches)
    merchant = sketch.merchant
    if issubclass(sketch.command, Instruction):
        merchant = RICH  # staff see no account but one that is open
    elif aimed_at is not None and not sketch.astray:
        merchant = sketches[aimed_at].merchant
    target = _reference(aimed_at, sketches, world) if aimed_at is not None else ("goodwill", "of nobody")
    told = Told(sketch, merchant_in(world, merchant), *_reference(index, sketches, world), target)
    command = sketch.command.model_validate({"merchant_id": told.merchant_id, **_FIELDS[sketch.command](told)})
    message = Message(
        queue="credits.consume", name=command.task, body=f"{index}".encode(), headers={"id": f"{world}/{index}"}
    )
    return Request(
        command=command,
        correlation_id=f"request-{index}",
        message=lambda: message,
        due_at=LATER if sketch.is_ahead_of_its_time and merchant == sketch.merchant else None,
    )


def _aimed_at(index: int, sketches: Sequence[Sketch]) -> int | None:
    """The place of the request that one aims at, if it aims at any."""
    sketch = sketches[index]
    if sketch.command not in (Capture, Release, Reverse):
        return None
    aims = (Hold,) if sketch.command in (Capture, Release) else (StartTrial, Purchase, Grant, Consume, Capture, Reverse)
    before = [place for place in range(index) if sketch.astray or sketches[place].command in aims]
    return before[-min(sketch.back, len(before))] if before else None


def _reference(index: int, sketches: Sequence[Sketch], world: str) -> tuple[str, str]:
    sketch = sketches[index]
    if sketch.command is StartTrial:
        return "trial", f"TRIAL_GRANT_{merchant_in(world, sketch.merchant)}"
    own = {Purchase: "purchase", ConsumeMatch: "match"}
    name = f"own {index}" if sketch.reference is None else str(sketch.reference)
    return own.get(sketch.command, sketch.reference_type), f"{world}/{name}"


@dataclass(frozen=True)
class Told:
    """A sketch in one world: whose, by which reference, aimed at which."""

    sketch: Sketch
    merchant_id: UUID
    reference_type: str
    reference_id: str
    target: tuple[str, str]

    def claim(self) -> dict[str, object]:
        return {"reference_type": self.reference_type, "reference_id": self.reference_id}

    def part(self) -> dict[str, object]:
        return {"amount": self.sketch.amount} if self.sketch.in_part else {}

    def aim(self, at: str) -> dict[str, object]:
        return {f"{at}_reference_type": self.target[0], f"{at}_reference_id": self.target[1]}


def _shop(told: Told) -> dict[str, object]:
    shop = told.sketch.shop
    return {
        "platform_name": "shopify",
        "platform_shop_id": f"shop-{shop}",
        "shop_domain": f"shop-{shop}.example.com",
    }


def _lot(told: Told) -> dict[str, object]:
    sketch = told.sketch
    return told.claim() | {
        "amount": 2 * sketch.amount,
        "category": sketch.category,
        "priority": sketch.priority,
        "effective_at": None if sketch.effective is None else NOW + sketch.effective * HOUR,
        "expires_at": None if sketch.expires is None else NOW + sketch.expires * HOUR,
    }


def _match(told: Told) -> dict[str, object]:
    return {"match_id": told.reference_id, "shopper_id": "shopper", "matched_items_count": told.sketch.amount}


def _by_staff(told: Told) -> dict[str, object]:
    return {"actor": "ann", "reason": "because"}


_FIELDS: dict[type[Command], Callable[[Told], dict[str, object]]] = {
    OpenAccount: _shop,
    StartTrial: lambda told: {"ends_at": NOW + 5 * HOUR},
    Purchase: lambda told: {"credits": 2 * told.sketch.amount, "purchase_id": told.reference_id},
    Grant: _lot,
    ConsumeMatch: _match,
    Consume: lambda told: {**told.claim(), "amount": told.sketch.amount},
    Hold: lambda told: {**told.claim(), "amount": told.sketch.amount, "expires_in_s": told.sketch.lasts * 3600},
    Capture: lambda told: {**told.claim(), **told.part(), **told.aim("hold")},
    Release: lambda told: {**told.claim(), **told.aim("hold")},
    Reverse: lambda told: {
        **told.claim(),
        **told.part(),
        **told.aim("original"),
        "on_shortfall": told.sketch.on_shortfall,
    },
    Freeze: _by_staff,
    Thaw: _by_staff,
}
