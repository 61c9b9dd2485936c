"""Sequences of requests for property tests: few merchants, references and amounts, so that they keep colliding."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar
from uuid import UUID, uuid5

from hypothesis import strategies as st

from ledger.commands import Command, Consume, ConsumeMatch, Grant, OpenAccount, Purchase, StartTrial
from ledger.messages import Message
from ledger.requests import Request
from ledger.rules.state import Alerts, Policy

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=36500)
NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
MERCHANTS = 3
RICH = MERCHANTS  # a further merchant, whose account is open from the start and all but full
MAX_REQUESTS = 30

POLICIES = [Policy(trial_credits=3, low_balance_threshold=3, alerts=alerts) for alerts in Alerts]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A request in outline; its merchant and its reference are numbers, so that it can be told again elsewhere."""

    command: type[Command]
    merchant: int
    amount: int
    reference_type: str
    reference: int
    shop: int
    is_ahead_of_its_time: bool


SKETCHES = st.builds(
    Sketch,
    command=st.sampled_from([OpenAccount, OpenAccount, StartTrial, Purchase, Grant, ConsumeMatch, Consume, Consume]),
    merchant=st.integers(0, RICH),
    amount=st.integers(1, 4),
    reference_type=st.sampled_from(["purchase", "match", "goodwill"]),
    reference=st.integers(1, 6),
    shop=st.sampled_from([1, 1, 1, 2]),
    is_ahead_of_its_time=st.sampled_from([False] * 9 + [True]),
)
SEQUENCES = st.lists(SKETCHES, min_size=1, max_size=MAX_REQUESTS)
CUTS = st.frozensets(st.integers(1, MAX_REQUESTS - 1))


def merchant_in(world: str, number: int) -> UUID:
    """The id of a merchant in one telling of a sequence."""
    return uuid5(NAMESPACE, f"{world}/{number}")


def told(sketches: Sequence[Sketch], *, world: str) -> list[Request]:
    """The requests of a sequence; those of another world share neither merchants nor references with them."""
    return [_request(index, sketch, world) for index, sketch in enumerate(sketches)]


def cut(items: Sequence[Item], cuts: frozenset[int]) -> Iterator[Sequence[Item]]:
    """The items in batches that end at the cuts, empty ones left out."""
    ends = [0, *sorted(end for end in cuts if end < len(items)), len(items)]
    return (items[start:end] for start, end in pairwise(ends))


def _request(index: int, sketch: Sketch, world: str) -> Request:
    command = _BUILDERS[sketch.command](sketch, merchant_in(world, sketch.merchant), f"{world}/{sketch.reference}")
    message = Message(
        queue="credits.consume", name=command.task, body=f"{index}".encode(), headers={"id": f"{world}/{index}"}
    )
    return Request(
        command=command,
        correlation_id=f"request-{index}",
        message=lambda: message,
        due_at=LATER if sketch.is_ahead_of_its_time else None,
    )


def _open(sketch: Sketch, merchant_id: UUID, _: str) -> Command:
    return OpenAccount(
        merchant_id=merchant_id,
        platform_name="shopify",
        platform_shop_id=f"shop-{sketch.shop}",
        shop_domain=f"shop-{sketch.shop}.example.com",
    )


def _generic(sketch: Sketch, merchant_id: UUID, reference: str) -> Command:
    assert sketch.command in (Grant, Consume)
    return sketch.command.model_validate(
        {
            "merchant_id": merchant_id,
            "amount": sketch.amount,
            "reference_type": sketch.reference_type,
            "reference_id": reference,
        }
    )


_BUILDERS: dict[type[Command], Callable[[Sketch, UUID, str], Command]] = {
    OpenAccount: _open,
    StartTrial: lambda sketch, merchant_id, _: StartTrial.model_validate(
        {"merchant_id": merchant_id, "ends_at": "2026-02-28T00:00:00Z"}
    ),
    Purchase: lambda sketch, merchant_id, reference: Purchase(
        merchant_id=merchant_id, credits=sketch.amount, purchase_id=reference
    ),
    ConsumeMatch: lambda sketch, merchant_id, reference: ConsumeMatch(
        merchant_id=merchant_id, match_id=reference, shopper_id="shopper", matched_items_count=sketch.amount
    ),
    Grant: _generic,
    Consume: _generic,
}
