"""The feed: runs bench.feeder beside the service, and reads what it has done."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.feeder import Fed
from bench.row import Wrong
from bench.stand import Stand
from tests.processes import Process


@contextmanager
def feeding(stand: Stand, *arguments: object, environment: Mapping[str, str]) -> Iterator[Process]:
    """A feeder, which runs until it is done; killed when the block ends."""
    command = ("python", "-m", "bench.feeder", *map(str, arguments))
    with stand.running(command, environment=environment) as (feeder,):
        yield feeder


def fed(feeder: Process, *, within_seconds: float) -> Fed:
    """What a feeder has done, once it is done. Raises Wrong where it fails."""
    if code := feeder.wait(timeout_seconds=within_seconds):
        raise Wrong(f"{' '.join(feeder.command)} ended with {code}:\n{feeder.log_tail()}")
    said = json.loads(feeder.log().splitlines()[-1])
    return Fed(Counter(said["sent"]), said["decided_per_second"], said["late_seconds"])
