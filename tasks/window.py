"""The window: how many messages the broker may hand to a worker before it has acknowledged any."""

from typing import Any

from amqp import Channel
from kombu.common import PREFETCH_COUNT_MAX

from ledger.fields import MAX_ITEMS
from tasks.deliveries import Delivery
from tasks.shutdown import stopping

SAMPLE = 64  # messages, by which the next ones are judged
SMALL = MAX_ITEMS / 64  # requests a message, in the mean of a sample: below it the window is wide
LARGE = MAX_ITEMS / 4  # above it the window is narrow; in between it stays as it is
CHANGED_WITHIN_S = 5.0


class Window:
    """Wide while messages are small, narrow while they are large. In the consumer's thread alone.

    The broker counts messages, of which one may bring MAX_ITEMS requests. A window that is wide enough for small ones
    would give a whole backlog of large ones to the worker that asks first, and the others would have none. So it begins
    narrow (celeryconfig.worker_prefetch_multiplier); wide, it is for as many requests in messages of one each.

    Two widths and no more: RabbitMQ knows a window from where consuming begins, and what is under way when consuming
    ends goes back to the queue, as if it had been redelivered.
    """

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.forget()

    def forget(self) -> None:
        """The connection is gone: the next one begins narrow."""
        self._is_wide = False
        self._messages = self._requests = 0

    def note(self, delivery: Delivery) -> None:
        """A message has arrived. Plain events have a window of their own and don't count, nor does what is parked."""
        tasks = self.consumer.task_consumer
        if not delivery.requests or tasks is None or delivery.message.channel is not tasks.channel:
            return
        self._messages += 1
        self._requests += len(delivery.requests)
        if self._messages < SAMPLE:
            return
        mean = self._requests / self._messages
        self._messages = self._requests = 0
        if mean > LARGE if self._is_wide else mean < SMALL:
            self._is_wide = not self._is_wide
            self.consumer.call_soon(self._change)  # not in the midst of a delivery

    def _change(self) -> None:
        """Tell the broker. What it has handed over stays with the worker.

        Raises TimeoutError, as a connection that is lost does, where it does not answer.
        """
        tasks = self.consumer.task_consumer
        first = self.consumer.initial_prefetch_count
        if tasks is None or stopping.is_set() or not first:
            return
        self.consumer.qos.value = min(first * MAX_ITEMS, PREFETCH_COUNT_MAX) if self._is_wide else first
        if not isinstance(tasks.channel, Channel):
            self.consumer.qos.update()
            return
        with tasks.channel.connection.transport.having_timeout(CHANGED_WITHIN_S):
            self.consumer.qos.update()
            tasks.cancel()
            tasks.consume()
