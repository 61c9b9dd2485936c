"""Row lots: what lots, holds, the hash chain and looking for what is due cost a plain consumption."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.consumer import Consumer, consumer
from bench.row import Pair, Row, Wrong
from bench.stand import Stand
from creditsvc.environment import BASE_DIR

PART_ONE = "193f15b4208587f732aff60e1728a5785782ec40"  # the ledger before it knew of lots
BATCH = 500
CHUNKS, BATCHES = 10, 4  # by turns, so that what slows the machine for a while slows both sides


@contextmanager
def consumer_of(stand: Stand, tree: Path) -> Iterator[Consumer]:
    """One tree's code on a database of its own."""
    with stand.empty_database() as url:
        environment = {**stand.environment(database_url=url, broker_url="memory://"), "PYTHONPATH": str(tree)}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=tree, env=environment, check=True)
        with consumer("--batch", str(BATCH), environment=environment, tree=tree) as posting:
            yield posting


@contextmanager
def tree_of_part_one() -> Iterator[Path]:
    """The project as it was. Raises Wrong where this clone's history does not reach back to it."""
    with TemporaryDirectory(prefix="credits-part-one-") as folder:
        archive = subprocess.run(["git", "archive", PART_ONE], cwd=BASE_DIR, capture_output=True, check=False)
        if archive.returncode:
            raise Wrong(f"this clone's history does not reach back to {PART_ONE}: {archive.stderr.decode().strip()}")
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def turn(stand: Stand, scale: float) -> Pair:
    """The same consumptions by the code of now and by part 1's, a chunk of batches each in turn."""
    with tree_of_part_one() as tree, consumer_of(stand, BASE_DIR) as now, consumer_of(stand, tree) as then:
        for side in (now, then):
            side.wait_until_ready()
        for _ in range(CHUNKS):
            for side in (now, then):
                side.post(round(BATCHES * scale) or 1)
        for side in (now, then):
            side.check()
    posted = CHUNKS * (round(BATCHES * scale) or 1) * BATCH
    return Pair(posted / now.seconds, posted / then.seconds)


row = Row(
    number="lots",
    what="consumptions posted by the journal, batches of 500 over 1,000 accounts with three open lots each",
    against="part 1's code, without lots, holds or hash chain; same consumptions, both by turns",
    unit="consumptions/s",
    turn=turn,
)
