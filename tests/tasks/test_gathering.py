"""Gathering: whose messages share a batch, and how many, the more so where one came back often."""

import time
from collections.abc import Sequence
from threading import Thread
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from kombu.message import Message as BrokerMessage

from ledger.commands import ConsumeMatch
from ledger.requests import Request
from tasks import gathering, in_hand
from tasks.deliveries import Delivery
from tasks.gathering import Gatherer
from tasks.in_hand import Body
from tests.tasks.channels import Broker

MAX_BATCH = 500
MERCHANT = str(uuid4())


def delivery(*, merchant_id: str = MERCHANT, **headers: Any) -> Delivery:
    """A delivery of one consumption."""
    fields = {"merchant_id": merchant_id, "match_id": "m", "shopper_id": "s", "matched_items_count": 1}
    request = Request(ConsumeMatch.model_validate(fields), "c")
    return Delivery(BrokerMessage(body="", headers=headers, channel=None), "credits.consume_match", requests=[request])


def gatherer_with(deliveries: Sequence[Delivery]) -> Gatherer:
    """A gatherer whose runs never start, with what has arrived."""
    never_runs = SimpleNamespace(apply_async=lambda *_, **__: None)
    app = SimpleNamespace(conf={"max_batch": MAX_BATCH})
    gatherer = Gatherer(SimpleNamespace(app=app, pool=never_runs, task_consumer=None))
    for each in deliveries:
        gatherer.add(each)
    return gatherer


def batches_of(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """The batches that a worker makes of what has arrived."""
    return list(iter(gatherer_with(deliveries)._take, []))


def sizes_of_batches(deliveries: Sequence[Delivery]) -> list[int]:
    """How many messages each of them holds."""
    return [len(batch) for batch in batches_of(deliveries)]


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


def many(requests: int) -> Delivery:
    """A delivery of so many consumptions."""
    large = delivery()
    large.requests *= requests
    return large


def waiting_for_room(gatherer: Gatherer) -> Thread:
    """A thread that is about to read, once it has had time to see that there is room."""
    gatherer._read_at = time.monotonic()
    reading = Thread(target=gatherer.await_room, daemon=True)
    reading.start()
    reading.join(timeout=0.1)
    return reading


def has_ended(thread: Thread) -> bool:
    thread.join(timeout=5)
    return not thread.is_alive()


def test_nothing_more_is_read_while_there_are_more_requests_than_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "SLOWLY_S", 60.0)
    gatherer = gatherer_with([many(MAX_BATCH) for _ in range(gathering.ENOUGH_REQUESTS // MAX_BATCH + 1)])

    reading = waiting_for_room(gatherer)
    assert reading.is_alive()
    gatherer._take()

    assert has_ended(reading)


def test_it_is_read_on_slowly_while_nothing_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "SLOWLY_S", 0.05)
    gatherer = gatherer_with([many(gathering.ENOUGH_REQUESTS + 1)])

    gatherer.await_room()

    assert len(gatherer._take()) == 1


def test_nothing_more_is_read_while_messages_in_hand_have_more_bytes_than_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_hand, "ENOUGH_BYTES", Body.in_hand + 10_000)
    monkeypatch.setattr(gathering, "SLOWLY_S", 60.0)
    gatherer, message = gatherer_with([]), Broker().deliver(body=b" " * 10_001)
    for _ in range(2):  # it counts once
        gatherer.expect(message)

    reading = waiting_for_room(gatherer)
    assert (reading.is_alive(), Body.in_hand - in_hand.ENOUGH_BYTES) == (True, 1)
    gatherer.forget()
    del message

    assert has_ended(reading)


def test_what_is_dropped_with_its_connection_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "SLOWLY_S", 60.0)
    gatherer = gatherer_with([many(gathering.ENOUGH_REQUESTS + 1)])

    gatherer.forget()

    assert has_ended(waiting_for_room(gatherer))


def test_where_more_than_a_batch_has_arrived_each_batch_is_of_one_share_of_the_merchants_by_turns() -> None:
    one = uuid4()
    other = next(id_ for id_ in iter(uuid4, None) if hash(id_) % 2 != hash(one) % 2)
    arrived = [delivery(merchant_id=merchant) for _ in range(600) for merchant in map(str, (one, other))]

    batches = batches_of(arrived)

    first, second = ({each.requests[0].command.merchant_id for each in batch} for batch in batches[:2])
    assert first | second == {one, other}
    assert len(first) == len(second) == 1
    assert [len(batch) for batch in batches] == [500, 500, 200]


def of_both_shares(**headers: Any) -> Delivery:
    """A message of a full batch of requests, half of them of each share."""
    requests = [delivery(merchant_id=str(UUID(int=number))).requests[0] for number in range(MAX_BATCH)]
    return Delivery(delivery(**headers).message, "credits.consume_many", requests=requests)


def test_a_message_of_both_shares_is_carried_out_share_by_share() -> None:
    batches = batches_of([of_both_shares(), of_both_shares()])

    assert [[len(part.requests) for part in batch] for batch in batches] == [[MAX_BATCH // 2] * 2] * 2
    shares = [{hash(each.command.merchant_id) % 2 for part in batch for each in part.requests} for batch in batches]
    assert sorted(shares, key=min) == [{0}, {1}]


def test_a_suspect_of_both_shares_is_carried_out_whole() -> None:
    batches = batches_of([of_both_shares(**{"x-delivery-count": 40}) for _ in range(2)])

    assert [[len(part.requests) for part in batch] for batch in batches] == [[MAX_BATCH]] * 2


def test_within_a_share_messages_stay_in_the_order_in_which_they_arrived() -> None:
    arrived = [delivery(merchant_id=str(uuid4())) for _ in range(1_300)]

    taken = [each for batch in batches_of(arrived) for each in batch]

    assert len(taken) == len(arrived)
    for share in (0, 1):
        of_share = [each for each in taken if each.requests[0].command.merchant_id.int % (2**61 - 1) % 2 == share]
        assert of_share == [each for each in arrived if each in of_share]


def test_what_fits_into_a_batch_is_one_whoever_it_is_for() -> None:
    assert sizes_of_batches([delivery(merchant_id=str(uuid4())) for _ in range(MAX_BATCH)]) == [MAX_BATCH]


def test_a_backlog_of_one_merchant_waits_for_no_other_share() -> None:
    assert sizes_of_batches([delivery() for _ in range(1_200)]) == [500, 500, 200]
