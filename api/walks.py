"""Walks: lists that are only read on, from a cursor to the next, mostly without anybody counting them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from api.pages import read_cursor, written_cursor

NEWEST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One step of a walk: the query that asked for it, and where the rest begins, None where there is none.

    total is how many rows the walk has in all, None where that would have to be counted.
    """

    path: str
    query: Mapping[str, Any]
    cursor: str | None
    rest: str | None
    limit: int
    total: int | None = None

    def pagination(self) -> dict[str, Any]:
        """The envelope's part of that name."""
        return {
            "page": None,
            "limit": self.limit,
            "total": self.total,
            "pages": None,
            "has_next": self.rest is not None,
            "has_previous": False,
        }

    def links(self) -> dict[str, str | None]:
        """The envelope's part of that name: there is no way back but to the first."""
        return {
            "self": self._link(self.cursor),
            "next": self._link(self.rest) if self.rest else None,
            "previous": None,
            "first": self._link(None),
            "last": None,
        }

    def _link(self, cursor: str | None) -> str:
        position = {} if cursor is None else {"cursor": cursor}
        return f"{self.path}?{urlencode({**self.query, 'limit': self.limit, **position})}"


def cursor_before(id_: UUID) -> str:
    """The cursor of a list by id, newest first, that begins after that one."""
    return written_cursor(id_.int)


def id_before(cursor: str | None) -> UUID:
    """The id after which a list by id, newest first, goes on; above every id where there is no cursor."""
    return NEWEST if cursor is None else UUID(int=min(read_cursor(cursor), NEWEST.int))
