"""Accepting: gunicorn's process with threads, which takes no more than its share of the connections.

Its processes wait at one socket, and whichever is awake first takes most of what arrives at once. Connections that are
kept alive stay there, so fifteen of a BFF's sixteen were often one process's, while the other had little to do
(docs/performance.md).
"""

import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# The fuller of two processes waits longer, so that the other is first; never for long, for its clients wait meanwhile.
# From five connections on both wait as long, and whichever is awake first takes the next one.
PAUSE_FOR_EACH_S = 0.0002
LONGEST_PAUSE_S = 0.001


class SharingWorker(ThreadWorker):
    """Lets a process with fewer connections take the next one, while it has few."""

    def accept(self, listener: Any) -> None:
        """Take a connection, unless another process has taken it meanwhile."""
        time.sleep(min(self.nr_conns * PAUSE_FOR_EACH_S, LONGEST_PAUSE_S))
        super().accept(listener)
