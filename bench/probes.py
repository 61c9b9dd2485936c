"""The probes: a message a second on each way in, and how long after it was sent others can see what came of it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

import psycopg2
from kombu import Connection, Queue

from bench.letters import Letter
from bench.row import Wrong
from celeryconfig import events, quorum
from tests.confirms import Unconfirmed

ALERTS = Queue("bench.alerts", exchange=events, routing_key="evt.credits.low_balance.v1", queue_arguments=quorum)
ALERT = "notifications"  # the way whose probes are there once their alert is: the others, once their row is
EVERY_SECONDS = 1.0
LOOK_SECONDS = 0.02
LOST_AFTER_SECONDS = 60.0
FOUND = "SELECT reference_type, reference_id FROM credit_transactions WHERE (reference_type, reference_id) IN %s"

Reference = tuple[str, str]
Make = Callable[[int], Letter]


@dataclass(frozen=True, slots=True)
class Sent:
    """A probe that has not arrived."""

    way: str
    at: float


class Prober(Thread):
    """Sends a probe a second on each of the ways given, and looks 50 times a second for what was sent.

    A lag is from before publishing until another connection sees the row, so until after the commit, or until the
    alert is in a listener's queue. The first probes of all find the workers starting: their lags do not count.
    """

    def __init__(self, ways: Mapping[str, Make], *, database_url: str, broker_url: str) -> None:
        super().__init__(name="prober", daemon=True)
        self._ways = ways
        self._database_url = database_url
        self._broker_url = broker_url
        self._stop_asked = Event()
        self._failure: BaseException | None = None
        self._lock = Lock()
        self._under_way: dict[Reference, Sent] = {}
        self._longest = dict.fromkeys(ways, 0.0)
        self._is_ready = Event()
        self.sent: Counter[str] = Counter()
        self.alerts = 0
        self.lags: dict[str, list[float]] = {way: [] for way in ways}

    def run(self) -> None:
        try:
            with Connection(self._broker_url) as connection, closing(psycopg2.connect(self._database_url)) as books:
                books.autocommit = True
                self._probe(connection.default_channel, Unconfirmed(connection), books.cursor())
        except BaseException as error:  # whoever asks next is told
            self._failure = error

    def wait_until_ready(self) -> None:
        """Return once the first probes have arrived. Raises Wrong where they have not within a minute."""
        while not self._is_ready.wait(LOOK_SECONDS):
            self._raise_failure()

    def stop(self) -> None:
        """Send no more and wait for what is under way. Raises Wrong where one has not arrived within a minute."""
        self._stop_asked.set()
        self.join()
        self._raise_failure()

    def lags_now(self) -> dict[str, float]:
        """The longest lag of each way since this was asked last; one still under way counts with its age."""
        self._raise_failure()
        with self._lock:
            longest, self._longest = self._longest, dict.fromkeys(self._ways, 0.0)
            for sent in self._under_way.values():
                longest[sent.way] = max(longest[sent.way], time.monotonic() - sent.at)
        return longest

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _probe(self, channel: Any, unconfirmed: Unconfirmed, books: Any) -> None:
        self._send(channel, unconfirmed, 0)
        self._await_all(channel, books)
        with self._lock:
            self._longest = dict.fromkeys(self._ways, 0.0)
        self.lags = {way: [] for way in self._ways}
        self._is_ready.set()
        started, number = time.monotonic(), 0
        while not self._stop_asked.wait(LOOK_SECONDS):
            if time.monotonic() >= started + number * EVERY_SECONDS:
                number += 1
                self._send(channel, unconfirmed, number)
            self._look(channel, books)
        self._await_all(channel, books)
        unconfirmed.drain()

    def _send(self, channel: Any, unconfirmed: Unconfirmed, number: int) -> None:
        for way, make in self._ways.items():
            letter = make(number)
            with self._lock:
                self._under_way[letter.reference] = Sent(way, time.monotonic())
            channel.basic_publish(
                letter.message, exchange=letter.exchange, routing_key=letter.routing_key, mandatory=True
            )
            unconfirmed.add()
            self.sent[letter.becomes] += 1
            self.alerts += way == ALERT

    def _await_all(self, channel: Any, books: Any) -> None:
        """Look until nothing is under way."""
        deadline = time.monotonic() + LOST_AFTER_SECONDS
        while self._under_way:
            if time.monotonic() > deadline:
                raise Wrong(f"probes that have not arrived: {self._under_way}")
            self._look(channel, books)
            time.sleep(LOOK_SECONDS)

    def _look(self, channel: Any, books: Any) -> None:
        """Note what has arrived."""
        in_books = [reference for reference, sent in self._under_way.items() if sent.way != ALERT]
        arrived = told(channel) if len(in_books) < len(self._under_way) else []
        if in_books:
            books.execute(FOUND, [tuple(in_books)])
            arrived += books.fetchall()
        now = time.monotonic()
        with self._lock:
            for reference in arrived:
                sent = self._under_way.pop(reference, None)
                if sent is None:
                    continue  # an alert may be told again: at least once is the promise
                self.lags[sent.way].append(now - sent.at)
                self._longest[sent.way] = max(self._longest[sent.way], now - sent.at)


def told(channel: Any) -> list[Reference]:
    """The references of what led to the alerts in the listener's queue, which are taken out of it."""
    found = []
    while (message := channel.basic_get(ALERTS.name, no_ack=True)) is not None:
        found.append(("match", json.loads(message.body)["correlation_id"]))
    return found


def say_lags(lags: Sequence[float]) -> str:
    """p50, p99 and the longest of some lags."""
    ranked = sorted(lags)
    p50, p99 = (ranked[int(len(ranked) * share)] for share in (0.5, 0.99))
    return f"p50 {p50:.2f} s, p99 {p99:.2f} s, longest {ranked[-1]:.2f} s, {len(ranked)} probes"
