"""Load: a producer that sends purchases and consumptions until it is stopped, and keeps what it has sent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

from tests.confirms import confirmed
from tests.e2e.producer import Fields, Producer, match, new_id

BREATH_SECONDS = 0.1
AT_A_TIME = 2
PURCHASED = 7  # more than its five matches take: the balance tells how much of it is applied


@dataclass
class Load:
    """What was sent and confirmed so far: the references, by task."""

    producer: Producer
    merchant: str
    sent: dict[str, list[str]] = field(
        default_factory=lambda: {"credits.purchase": [], "credits.consume_match": []}
    )  # fmt: skip

    def commands(self) -> Iterator[tuple[str, Fields, str]]:
        """One purchase to five matches: task, kwargs, reference."""
        purchase_id = new_id()
        yield (
            "credits.purchase",
            {"merchant_id": self.merchant, "credits": PURCHASED, "purchase_id": purchase_id},
            purchase_id,
        )
        for _ in range(5):
            fields = match(self.merchant)
            yield "credits.consume_match", fields, fields["match_id"]

    def send(self, stop: Event) -> None:
        while not stop.is_set():
            batch = [command for _ in range(AT_A_TIME) for command in self.commands()]
            with confirmed(self.producer.app.conf.broker_url) as publish:
                for task, fields, _ in batch:
                    body, headers = self.producer.task_message(task, fields)
                    publish(
                        body,
                        exchange="credits.commands",
                        routing_key=task,
                        headers=headers,
                        content_type="application/json",
                        content_encoding="utf-8",
                        delivery_mode=2,
                    )
            for task, _, reference in batch:
                self.sent[task].append(reference)
            time.sleep(BREATH_SECONDS)

    def applied(self) -> dict[str, list[str]]:
        """What of it stands posted in the books, sorted; without what the merchant began with."""
        rows = self.producer.books.transactions(self.merchant)
        posted = [row for row in rows if row["status"] == "posted" and row["amount"] in (PURCHASED, 1)]
        types = {"credits.purchase": "purchase", "credits.consume_match": "match"}
        return {
            task: sorted(row["reference_id"] for row in posted if row["reference_type"] == type_)
            for task, type_ in types.items()
        }

    @property
    def change(self) -> int:
        """What all of it makes of the merchant's balance."""
        return PURCHASED * len(self.sent["credits.purchase"]) - len(self.sent["credits.consume_match"])

    @property
    def sent_sorted(self) -> dict[str, list[str]]:
        return {task: sorted(references) for task, references in self.sent.items()}


@contextmanager
def under_load(producer: Producer, merchant: str) -> Iterator[Load]:
    """Sends while the block runs; ended, and every message confirmed, when it ends."""
    load, stop = Load(producer=producer, merchant=merchant), Event()
    thread = Thread(target=load.send, args=(stop,))
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join()
