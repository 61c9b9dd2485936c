"""Gathering: how large the batch of a message may be that came back often."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from kombu.message import Message as BrokerMessage

from ledger.commands import ConsumeMatch
from ledger.requests import Request
from tasks.deliveries import Delivery
from tasks.gathering import Gatherer

MAX_BATCH = 500
MERCHANT = str(uuid4())


def delivery(*, merchant_id: str = MERCHANT, **headers: Any) -> Delivery:
    """A delivery of one consumption."""
    fields = {"merchant_id": merchant_id, "match_id": "m", "shopper_id": "s", "matched_items_count": 1}
    request = Request(ConsumeMatch.model_validate(fields), "c")
    return Delivery(BrokerMessage(body="", headers=headers, channel=None), "credits.consume_match", requests=[request])


def sizes_of_batches(deliveries: Sequence[Delivery]) -> list[int]:
    """How many messages each batch holds that a worker makes of what has arrived."""
    never_runs = SimpleNamespace(apply_async=lambda *_, **__: None)
    gatherer = Gatherer(SimpleNamespace(app=SimpleNamespace(conf={"max_batch": MAX_BATCH}), pool=never_runs))
    for each in deliveries:
        gatherer.add(each)
    return [len(batch) for batch in iter(gatherer._take, [])]


@pytest.mark.parametrize(
    ("times", "largest"), [(0, 500), (2, 500), (3, 256), (4, 128), (7, 16), (11, 1), (40, 1), ("many", 500), (-1, 500)]
)
def test_the_oftener_a_message_came_back_the_smaller_is_its_batch(times: Any, largest: int) -> None:
    returned = [delivery(**{"x-delivery-count": times}) for _ in range(600)]

    assert sizes_of_batches(returned)[0] == largest


def test_a_message_that_the_broker_gave_up_on_is_posted_alone() -> None:
    arrived = [delivery(), delivery(), delivery(**{"x-death": [{}]}), delivery()]

    assert sizes_of_batches(arrived) == [2, 1, 1]


def test_a_message_that_came_back_often_takes_few_others_with_it() -> None:
    arrived = [*(delivery() for _ in range(30)), delivery(**{"x-delivery-count": 8}), *(delivery() for _ in range(30))]

    assert sizes_of_batches(arrived) == [30, 8, 23]


def test_a_batch_is_bounded_in_requests_and_not_in_messages() -> None:
    arrived = [delivery() for _ in range(5)]
    for each in arrived:
        each.requests *= 200

    assert sizes_of_batches(arrived) == [2, 2, 1]
