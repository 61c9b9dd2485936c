"""The window: how many messages the broker may hand to a worker before it has acknowledged any."""

from typing import Any

from amqp import Channel

from ledger.fields import MAX_ITEMS
from tasks.deliveries import Delivery
from tasks.shutdown import stopping

REMEMBERED = 64  # messages, about: over so many is the mean
NARROWED_BELOW = 1 / 4  # of what it is: a narrower one has a use only where messages stay large
WIDENED_FROM = 2  # times what it is


class Window:
    """Grows while messages turn out to be small, and shrinks while they are large. In the consumer's thread alone.

    The broker counts messages, of which one may bring MAX_ITEMS requests. A window that is wide enough for small ones
    would give a whole backlog of large ones to the worker that asks first, and the others would have none. So it begins
    as one for the largest (celeryconfig.worker_prefetch_multiplier), and is always for about as many requests as then.
    """

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.forget()

    def forget(self) -> None:
        """The connection is gone: the next one begins as the first did."""
        self._size = 0  # not known before the connection is there
        self._mean = float(MAX_ITEMS)
        self._is_changing = False

    def note(self, delivery: Delivery) -> None:
        """A message has arrived. Plain events have a window of their own, and what is parked does not count."""
        tasks = self.consumer.task_consumer
        if not delivery.requests or tasks is None or delivery.message.channel is not tasks.channel:
            return
        self._mean += (len(delivery.requests) - self._mean) / REMEMBERED
        first = self.consumer.initial_prefetch_count
        self._size = self._size or first
        wanted = int(first * MAX_ITEMS / self._mean)
        if not self._is_changing and not self._size * NARROWED_BELOW < wanted < self._size * WIDENED_FROM:
            self._is_changing = True  # not in the midst of a delivery: its acknowledgements and callbacks come first
            self._size = wanted
            self.consumer.call_soon(self._change)

    def _change(self) -> None:
        """Tell the broker. What it has handed over stays with the worker; AMQP's is of each consuming that begins."""
        self._is_changing = False
        tasks = self.consumer.task_consumer
        if tasks is None or stopping.is_set():
            return
        self.consumer.qos.value = self._size
        self.consumer.qos.update()
        if isinstance(tasks.channel, Channel):
            tasks.cancel()
            tasks.consume()
