"""Acknowledging: a run of messages by one frame where the broker can do that, each by its own elsewhere."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from amqp import Channel
from celery.utils.log import get_logger
from kombu.message import Message as BrokerMessage

logger = get_logger(__name__)


# What may wait does so no longer than this: a channel that the broker closes, such as by consumer_timeout, takes with
# it what was not acknowledged, and all of that would be repeated.
LONGEST_WAIT_S = 2.0


class Settled(NamedTuple):
    """A settled message that waits to be acknowledged, and since when."""

    message: BrokerMessage
    at: float


class Acknowledger:
    """Settles messages, always in the consumer's thread.

    AMQP acknowledges everything up to a tag of one channel by one frame, so that needs to know of every message on
    the channel, those in Celery's own hands included. Redis and the embedded broker ignore `multiple`.
    """

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        # By tag; no more than that of one which is acknowledged: what stands before it may take long.
        self._arrived: defaultdict[Any, dict[int, BrokerMessage | None]] = defaultdict(dict)
        self._settled: defaultdict[Any, dict[int, Settled]] = defaultdict(dict)  # the longest settled first
        self._done: defaultdict[Any, int] = defaultdict(int)  # by channel: every tag up to here is acknowledged

    def expect(self, message: BrokerMessage) -> None:
        """A message has arrived. Twice is once, and in any order."""
        if isinstance(message.channel, Channel):
            self._note(message)
            self._acknowledge_run(message.channel)  # forgets those that Celery has acknowledged meanwhile

    def forget(self) -> None:
        """The connection is gone or about to be closed, and with it every tag; what is settled goes first."""
        with suppress(OSError):  # it may be gone without the channel knowing
            self.settle([])
        self._arrived.clear()
        self._settled.clear()
        self._done.clear()

    def settle(self, messages: Sequence[BrokerMessage], *, at_once: bool = True) -> None:
        """Acknowledge messages. Where their connection is lost meanwhile, the broker delivers them again.

        Unless it must be at once, AMQP's that something unsettled stands before wait for it, to go by one frame, for
        LONGEST_WAIT_S at most from one call to the next.
        """
        alive = [message for message in messages if not is_gone(message.channel)]
        if len(alive) < len(messages):
            logger.warning("%d messages could not be acknowledged and come again", len(messages) - len(alive))
        now = time.monotonic()
        for message in alive:
            if isinstance(message.channel, Channel):
                self._note(message)
                self._settled[message.channel][message.delivery_tag] = Settled(message, now)
            else:
                self._acknowledge(message)
        for channel in [channel for channel in self._settled if not is_gone(channel)]:
            self._acknowledge_run(channel)
            waiting = self._settled[channel]
            longest = next(iter(waiting.values())).at if waiting else now
            if at_once or now - longest > LONGEST_WAIT_S:
                for tag, settled in self._settled.pop(channel).items():
                    self._acknowledge(settled.message)
                    self._arrived[channel][tag] = None

    def give_back(self, messages: Iterable[BrokerMessage]) -> None:
        """Return messages to their queues, and acknowledge what was waiting for them."""
        for message in messages:
            if is_gone(message.channel) or message.acknowledged:  # another part of it was given back before
                continue
            message.reject_log_error(logger, self.consumer.connection_errors, requeue=True)
        self.settle([])

    def _note(self, message: BrokerMessage) -> None:
        if message.delivery_tag > self._done[message.channel]:
            self._arrived[message.channel][message.delivery_tag] = message

    def _acknowledge_run(self, channel: Channel) -> None:
        """Acknowledge, by one frame, the run of settled messages that nothing unsettled or unknown stands before."""
        arrived, settled, last = self._arrived[channel], self._settled[channel], None
        while (tag := self._done[channel] + 1) in arrived:
            first = arrived[tag]
            if not (first is None or first.acknowledged or tag in settled):
                break
            self._done[channel] = tag
            del arrived[tag]
            last = settled.pop(tag, None) or last
        if last is not None:
            last.message.ack_log_error(logger, self.consumer.connection_errors, multiple=True)

    def _acknowledge(self, message: BrokerMessage) -> None:
        message.ack_log_error(logger, self.consumer.connection_errors)


def is_gone(channel: Any) -> bool:
    """Whether a message's channel is closed; its tags mean nothing any more."""
    return not channel.is_open if isinstance(channel, Channel) else bool(getattr(channel, "closed", False))
