"""A disk of limited size, where the system lets us have one: a memory file system that can be filled."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE_MB = 3_000
FILLER = "filler"
CHUNK = b"\0" * 1_048_576


@contextmanager
def limited() -> Iterator[Path | None]:
    """A file system of its own; None where it may not be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="credits-chaos-disk-"))
    folder.chmod(0o755)  # the database's user must get through
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield folder if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is free while the block runs."""
    filler = folder / FILLER
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(CHUNK)
        yield
    finally:
        filler.unlink()
