"""Garbage: how often Python's collector of cycles looks at a process that serves for days."""

import gc

THRESHOLDS = (50_000, 20, 20)  # containers more than there were; and of how many looks one goes deeper


def collect_less_often() -> None:
    """Have the collector leave out what was imported, and look at the rest less often.

    A worker has thousands of messages in hand at a time. As it comes, the collector walks them, and the whole program
    with them, once a batch or so: a quarter of all that a message cost (docs/performance.md).
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
    gc.set_threshold(*THRESHOLDS)
