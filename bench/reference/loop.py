"""python -m bench.reference.loop: consumes, inserts one row, commits, acknowledges, and nothing else, one by one.

What kombu and psycopg2 take at the least from a message's publishing to a committed row: no decoding into a task, no
rules, no events. The same persistent messages, in a quorum queue, acknowledged after the commit.
"""

import os
from typing import Any

import psycopg2
from kombu import Connection, Consumer, Exchange, Message, Queue

from celeryconfig import quorum

QUEUE = Queue("bench.loop", exchange=Exchange("bench"), routing_key="bench.loop", queue_arguments=quorum)
TABLE = "CREATE TABLE bench_loop (reference_id text PRIMARY KEY, merchant_id uuid NOT NULL)"
INSERT = "INSERT INTO bench_loop (reference_id, merchant_id) VALUES (%s, %s)"
PREFETCH = 64


def main() -> None:
    """Until it is killed."""
    database = psycopg2.connect(os.environ["DATABASE_URL"])

    def insert(body: Any, message: Message) -> None:
        _, kwargs, _ = body
        with database.cursor() as cursor:
            cursor.execute(INSERT, [kwargs["match_id"], kwargs["merchant_id"]])
        database.commit()
        message.ack()

    with Connection(os.environ["BROKER_URL"]) as broker:
        consumer = Consumer(broker.default_channel, [QUEUE], callbacks=[insert], accept=["json"])
        consumer.qos(prefetch_count=PREFETCH)
        with consumer:
            while True:
                broker.drain_events()


if __name__ == "__main__":
    main()
