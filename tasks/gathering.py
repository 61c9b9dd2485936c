"""Gathering: whatever has arrived while one batch was being posted becomes the next batch. No timer, no minimum."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from functools import partial
from threading import Event, Lock
from typing import Any

import structlog
from celery.worker import state
from kombu.message import Message as BrokerMessage

from ledger.errors import Trouble
from ledger.journal import Posted
from ledger.outcomes import Status
from ledger.requests import Request
from tasks import task_events
from tasks.acknowledging import Acknowledger
from tasks.deliveries import Delivery
from tasks.in_hand import SMALL_BYTES, Body, are_enough
from tasks.parking import store_kept, store_parked
from tasks.posting import post_requests
from tasks.shutdown import pause, stopping
from tasks.window import Window

log = structlog.get_logger(__name__)

PAUSE_S = 1.0  # before a batch that failed, or a task's message, is given back
# Where more than a batch has arrived, a batch is of one share of the merchants, and the next one of the next share. Two
# workers on one queue then hardly ever want the same accounts: where they do, one waits until the other has gone on to
# the next share, and stays a share behind (docs/performance.md). A message of many requests is split into its shares,
# and acknowledged with the last of them.
SHARES = 2
# The broker counts messages, of which one may bring 500 requests and take 700 kB of memory, or have a body of
# megabytes: past so many requests, or bytes (tasks/in_hand.py), the worker reads on slowly, however many messages its
# prefetch window has room for.
ENOUGH_REQUESTS = 20_000
SLOWLY_S = 1.0
LOOK_UP_EVERY_S = 0.01


class Gatherer:
    """The one place through which a worker's plain messages go, whatever queue they came from.

    Invariant, under the lock: where the buffer isn't empty, a run is in flight. `add` runs in the consumer's
    thread, `_carry_out` in the pool's; the pool's thread never touches a consuming channel.
    """

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.max_batch: int = consumer.app.conf["max_batch"]
        self.figures: Counter[str] = Counter()
        self._lock = Lock()
        self._buffer: deque[Delivery] = deque()
        self._requests = 0  # in the buffer
        self._runs = 0
        self._share = 0
        self._carried_out = Event()  # a batch that nobody has made room for yet
        self._read_at = 0.0
        self._acknowledger = Acknowledger(consumer)
        self._window = Window(consumer)

    def add(self, delivery: Delivery) -> None:
        """Take a delivery in, and start a run unless one is in flight."""
        parts = delivery.split(_share_of)
        with self._lock:
            self._buffer.extend(parts)
            self._requests += len(delivery.requests)
            is_first = self._runs == 0
        if is_first:
            self._start()
        self._window.note(delivery)

    def expect(self, message: BrokerMessage) -> None:
        """Note that a message has arrived, whoever carries it out: what is acknowledged behind it must not cover it."""
        size = len(message.body or b"")
        if size > SMALL_BYTES and getattr(message, "counted", None) is None:
            message.counted = Body(size)
        self._acknowledger.expect(message)

    def await_room(self) -> bool:
        """Whether more is to be read now: while there are more requests or bytes than enough, once in SLOWLY_S.

        That often, because the connection has heartbeats to answer while the database is away. It waits until then, but
        says no at once where a batch has been carried out: this thread is to settle it first.
        """
        while self._has_enough() and time.monotonic() < self._read_at + SLOWLY_S and not stopping.is_set():
            if self._carried_out.wait(LOOK_UP_EVERY_S):
                self._carried_out.clear()
                return False
        self._read_at = time.monotonic()
        return True

    def _has_enough(self) -> bool:
        return self._requests > ENOUGH_REQUESTS or are_enough()

    def go_first(self) -> None:
        """Have the next batch of what has arrived go ahead of a message that Celery itself carries out."""
        if self._buffer:
            self._start()

    def give_back_later(self, message: BrokerMessage, *_: Any) -> None:
        """Return a message that Celery itself carried out to its queue, in a moment: it would come back at once.

        From any thread; nobody waits meanwhile.
        """
        give_back = partial(self.consumer.call_soon, self._acknowledger.give_back, [message])
        if stopping.is_set():
            give_back()
        else:
            self.consumer.call_soon(self.consumer.timer.call_after, PAUSE_S, give_back)

    def forget(self) -> None:
        """Drop what is buffered: its connection is gone, and the broker delivers it again."""
        with self._lock:
            self._buffer.clear()
            self._requests = 0
        self._acknowledger.forget()
        self._window.forget()

    def _start(self) -> None:
        with self._lock:
            self._runs += 1
        self.consumer.pool.apply_async(self._run, callback=_ignore)

    def _run(self) -> None:
        try:
            batch = self._take()
            if batch:
                self._carry_out(batch)
        finally:
            with self._lock:
                self._runs -= 1
                go_on = bool(self._buffer) and self._runs == 0
            if go_on:
                self._start()

    def _take(self) -> list[Delivery]:
        """The next batch: up to max_batch requests, and no more messages than the most suspect of them may be with."""
        with self._lock:
            if max(self._requests, len(self._buffer)) <= self.max_batch:
                return self._pick(None)
            self._share = (self._share + 1) % SHARES
            return self._pick(self._share) or self._pick(None)

    def _pick(self, share: int | None) -> list[Delivery]:
        """Under the lock: the next batch out of one share of the merchants, or of all."""
        batch: list[Delivery] = []
        others: list[Delivery] = []
        size, most = 0, self.max_batch
        while self._buffer:
            following = self._buffer.popleft()
            if share is not None and _share_of_first(following) != share:
                others.append(following)
                continue
            most = min(most, following.largest_batch or most)
            if batch and (size + len(following.requests) > self.max_batch or len(batch) >= most):
                others.append(following)
                break
            batch.append(following)
            size += len(following.requests)
        self._buffer.extendleft(reversed(others))
        self._requests -= size
        return batch

    def _carry_out(self, batch: list[Delivery]) -> None:
        try:
            posted = _store(batch)
            self._count(posted)
        except Trouble:
            log.info("stopping while the database is away: messages go back to the broker", deliveries=len(batch))
        except Exception:
            # Nothing was acknowledged, so nothing is lost: each message comes back, and alone in the end.
            log.exception("a batch could not be carried out, its messages go back to the broker", deliveries=len(batch))
            pause(PAUSE_S)
            self.consumer.call_soon(self._acknowledger.give_back, [delivery.message for delivery in batch])
        else:
            self.consumer.call_soon(self._settle, batch)
            self._carried_out.set()

    def _count(self, posted: Posted) -> None:
        self.figures["batches"] += 1
        self.figures["requests"] += len(posted.outcomes)
        self.figures["largest_batch"] = max(self.figures["largest_batch"], len(posted.outcomes))
        self.figures["declined"] += sum(outcome.status is Status.DECLINED for outcome in posted.outcomes)

    def _settle(self, batch: Sequence[Delivery]) -> None:
        """In the consumer's thread: acknowledge the messages that a committed batch completes.

        While others follow, as far as they leave no gap.
        """
        completed = [delivery for delivery in batch if delivery.carried_out()]
        for delivery in completed:  # which wait for their acknowledgement without their bodies
            delivery.message.body = delivery.message.counted = None
        is_last = not self._buffer or stopping.is_set()
        self._acknowledger.settle([delivery.message for delivery in completed], at_once=is_last)
        self.figures["messages"] += len(completed)
        # A parked message's name is whatever its sender wrote.
        state.total_count.update(Counter(delivery.name for delivery in completed if not delivery.parked))
        state.all_total_count[0] += len(completed)
        task_events.tell(self.consumer.event_dispatcher, completed)


def _store(batch: Sequence[Delivery]) -> Posted:
    """Post, park and keep what a batch holds. Raises Trouble where the worker is told to stop meanwhile."""
    requests = [request for delivery in batch for request in delivery.requests]
    parked = [message for delivery in batch for message in delivery.parked]
    kept = [message for delivery in batch for message in delivery.kept]
    posted = post_requests(requests)
    store_parked(parked)
    store_kept(kept)
    return posted


def _share_of(request: Request) -> int:
    """The share that its merchant belongs to."""
    return hash(request.command.merchant_id) % SHARES


def _share_of_first(delivery: Delivery) -> int:
    """The share that its first request is of; what moves nothing goes with the first share."""
    return _share_of(delivery.requests[0]) if delivery.requests else 0


def _ignore(_: Any) -> None:
    """The pool calls back with a batch's result; there is none."""
