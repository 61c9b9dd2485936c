"""PostgreSQL's own benchmark program, with the set-based script of bench/reference."""

import re
import subprocess
from pathlib import Path

from bench.row import Wrong
from bench.stand import Stand
from tests.servers.postgresql import find_binaries

SCRIPT = Path(__file__).parent / "reference" / "set_based.sql"
ROWS = 500  # a run of the script
PER_SECOND = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


def rows_per_second(stand: Stand, *, clients: int, seconds: int) -> float:
    """How many rows a second so many clients write, each run of the script a transaction of 500."""
    binaries = find_binaries()
    assert binaries is not None
    with stand.database() as url:
        ended = subprocess.run(
            [
                *(binaries / "pgbench", "--no-vacuum", "--file", SCRIPT, "--client", str(clients)),
                *("--jobs", str(clients), "--time", str(seconds), url),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    found = PER_SECOND.search(ended.stdout)
    if ended.returncode or found is None:
        raise Wrong(f"pgbench ended with {ended.returncode}: {ended.stderr}")
    return float(found[1]) * ROWS
