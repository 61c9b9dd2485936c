"""python -m bench.producing WAY COUNT: sends so many matches to BROKER_URL, and prints the seconds that it took.

With client/src on PYTHONPATH. The seconds begin before the first message is checked, and end when the broker has
confirmed the last one.
"""

import os
import sys
import time
from collections.abc import Sequence

from celery import Celery
from credits_client import CreditsProducer

from bench.backlog import Kwargs, matches
from bench.drain import EXCHANGE, TASK


def in_bulk(calls: Sequence[Kwargs]) -> None:
    """One call of the package's, which checks each message's fields too."""
    with CreditsProducer(os.environ["BROKER_URL"], source_service="bench") as producer:
        report = producer.send_many((TASK, call) for call in calls)
    assert report.confirmed == len(calls), report


def one_by_one(calls: Sequence[Kwargs]) -> None:
    """What the README tells those who have Celery and not the package: send_task, which waits for each confirm."""
    with Celery(broker=os.environ["BROKER_URL"]) as app:
        app.conf.broker_transport_options = {"confirm_publish": True}
        for call in calls:
            app.send_task(
                TASK,
                kwargs=call,
                exchange=EXCHANGE,
                routing_key=TASK,
                declare=[],
                mandatory=True,
                ignore_result=True,
            )


WAYS = {"in_bulk": in_bulk, "one_by_one": one_by_one}


def main(way: str, count: str) -> None:
    """Send."""
    calls = list(matches(int(count)))
    started = time.perf_counter()
    WAYS[way](calls)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
