"""Garbage: how often Python's collector of cycles looks at a process that serves for days."""

import gc

# Containers more than there were. At 50,000 there was a look a batch or so, and none in 32 found anything to collect.
BATCHES = 250_000
REQUESTS = 50_000
DEEPER = 20  # of so many looks one goes deeper


def collect_less_often(*, after: int) -> None:
    """Have the collector leave out what was imported, and look at the rest after so many new containers.

    A worker has thousands of messages in hand at a time. As it comes, the collector walks them, and the whole program
    with them, once a batch or so: a quarter of all that a message cost (docs/performance.md).
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
    gc.set_threshold(after, DEEPER, DEEPER)
