"""Ordered rows: walking two tables side by side without holding either in memory."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")


class Ordered(Generic[Row]):
    """Rows in ascending order of a key, handed out as far as somebody else's walk has come."""

    def __init__(self, rows: Iterable[Row], *, key: Callable[[Row], Any]) -> None:
        self._rows = iter(rows)
        self._key = key
        self._next = next(self._rows, None)

    def up_to(self, key: Any) -> Iterator[Row]:
        """The rows not handed out yet whose key is at most this one."""
        while self._next is not None and self._key(self._next) <= key:
            row = self._next
            self._next = next(self._rows, None)
            yield row
