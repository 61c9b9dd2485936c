"""Our own ids: UUIDs of version 7 (RFC 9562), which sort by time and so keep the indexes' new entries together.

Within one process they sort in the order in which they were made, so that rows of one batch, which bear one time,
still show which came first.
"""

import os
import time
from threading import Lock
from uuid import UUID

_TICKS_PER_MILLISECOND = 4096  # what fits into the 12 bits after the milliseconds (RFC 9562 §6.2, method 3)
_newest = 0
_lock = Lock()


def new_id() -> UUID:
    """A new UUIDv7: 60 bits of Unix time in 1/4096 ms, always more than the newest, and 62 random bits."""
    global _newest
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    now = milliseconds * _TICKS_PER_MILLISECOND + nanoseconds * _TICKS_PER_MILLISECOND // 1_000_000
    with _lock:
        _newest = ticks = max(now, _newest + 1)
    high = (ticks >> 12 << 16) | 0x7000 | (ticks & 0xFFF)
    low = 0x8000_0000_0000_0000 | (int.from_bytes(os.urandom(8)) >> 2)
    return UUID(int=(high << 64) | low)


def new_salt() -> str:
    """32 random hexadecimal digits."""
    return os.urandom(16).hex()


def new_correlation_id() -> str:
    """A correlation id for what nobody else gave one: corr_ and 12 hexadecimal digits."""
    return f"corr_{os.urandom(6).hex()}"
