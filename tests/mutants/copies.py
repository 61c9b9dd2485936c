"""Copies of the tree, in which mutants are tried one after the other; the tree itself is never touched."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "var", "node_modules", ".hypothesis", ".*_cache", ".env", "*.sqlite3"
)


class Copy:
    """One copy of the tree."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.folder = folder
        # Python takes a compiled file for current by its source's seconds and size, which a mutant may not change.
        self._seconds = count(1)
        shutil.copytree(tree, folder, ignore=LEFT_OUT)

    @contextmanager
    def changed(self, texts: Mapping[str, str]) -> Iterator[None]:
        """These files with other texts, for as long as the block lasts."""
        before = {file: (self.folder / file).read_text() for file in texts}
        self._write(texts)
        try:
            yield
        finally:
            self._write(before)

    def _write(self, texts: Mapping[str, str]) -> None:
        for file, text in texts.items():
            path = self.folder / file
            path.write_text(text)
            seconds = next(self._seconds)
            os.utime(path, (seconds, seconds))
