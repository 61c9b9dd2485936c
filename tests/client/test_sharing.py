"""One producer, many threads; and one producer, inherited by a forked child."""

import json
import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest
from credits_client import ConsumeMatch

from tests.client import examples
from tests.client.conftest import arrived

BROKERS = [
    pytest.param("rabbitmq", marks=pytest.mark.servers),
    pytest.param("redis", marks=pytest.mark.servers),
    "embedded_broker_url",
]


def match_ids(url):
    return sorted(json.loads(message.body)[1]["match_id"] for message in arrived(url, "credits.consume"))


def send_one(sender, number):
    sender.consume_match(**examples.match(number))


@pytest.mark.parametrize("broker", BROKERS)
def test_threads_share_a_producer(producer, request, broker):
    url = request.getfixturevalue(broker)
    sender = producer(url)
    with ThreadPoolExecutor(max_workers=8) as pool:
        singles = [pool.submit(send_one, sender, number) for number in range(16)]
        many = [
            pool.submit(
                sender.send_many,
                [ConsumeMatch(**examples.match(number)) for number in range(start, start + 8)],
                chunk_messages=3,
            )
            for start in (16, 24)
        ]

    assert [future.result() for future in singles] == [None] * 16
    assert [future.result().confirmed for future in many] == [8, 8]
    assert match_ids(url) == sorted(f"match-{number}" for number in range(32))


@pytest.mark.parametrize("broker", BROKERS)
def test_a_forked_child_and_its_parent_both_send_on(producer, request, broker):
    url = request.getfixturevalue(broker)
    sender = producer(url)
    send_one(sender, 1)

    child = multiprocessing.get_context("fork").Process(target=send_one, args=(sender, 2))
    child.start()
    child.join(timeout=30)
    send_one(sender, 3)

    assert child.exitcode == 0
    assert match_ids(url) == ["match-1", "match-2", "match-3"]


def test_a_child_does_not_wait_for_a_lock_that_another_thread_held(producer, embedded_broker_url):
    sender = producer(embedded_broker_url)
    with sender._lock:
        child = multiprocessing.get_context("fork").Process(target=send_one, args=(sender, 1))
        child.start()
        child.join(timeout=30)

    assert child.exitcode == 0
