"""What a worker has in hand: the bytes of its messages' bodies, counted for as long as anybody holds them."""

import gc
import time
from threading import RLock

# kombu decompresses as a message arrives and holds the text until its ack, for up to 8,000 messages a queue.
MAX_DECOMPRESSED_BYTES_IN_HAND = 128 * 1024 * 1024
# Bodies up to this size are not counted one by one: a worker's window of them has 16 MiB at most.
SMALL_BYTES = 1024
# Of larger bodies. A worker with more in hand reads RabbitMQ slowly (tasks/gathering.py), and Redis not at all.
ENOUGH_BYTES = MAX_DECOMPRESSED_BYTES_IN_HAND // 2
COLLECT_AFTER_S, COLLECT_AT_LATEST_S = 1.0, 10.0  # twice as late each time that it was for nothing
_collect_at, _collect_after_s = 0.0, COLLECT_AFTER_S


class Counted:
    """Bytes of one kind, counted for as long as anybody holds this."""

    in_hand = 0  # of this kind, in this process
    _counting = RLock()  # one that its own thread may take again: one may go while another comes

    def __init__(self, size: int) -> None:
        self.size = size
        self._count(size)

    def __del__(self) -> None:
        self._count(-self.size)

    @classmethod
    def _count(cls, size: int) -> None:
        with cls._counting:
            cls.in_hand += size


class Body(Counted):
    """The body of a message that has arrived."""


class Text(Counted, bytes):
    """What a body was decompressed to."""

    def __init__(self, text: bytes) -> None:
        super().__init__(len(text))


def are_enough() -> bool:
    """Whether bodies of more than ENOUGH_BYTES are in hand; what an error holds, and that the error, is in nobody's."""
    global _collect_at, _collect_after_s
    before = Body.in_hand
    if before > ENOUGH_BYTES and time.monotonic() > _collect_at:
        gc.collect()
        _collect_after_s = COLLECT_AFTER_S if Body.in_hand < before else min(2 * _collect_after_s, COLLECT_AT_LATEST_S)
        _collect_at = time.monotonic() + _collect_after_s
    return Body.in_hand > ENOUGH_BYTES
