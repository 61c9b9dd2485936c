"""Pages and cursors: which sequences of an account's history an answer shows, and the links to the others."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

MAX_LIMIT = 1000
MAX_PAGE = 10**12
CURSOR_PATTERN = "^c[0-9a-f]{1,32}$"  # a sequence, or an id


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A range of an account's sequence, newest first: above < sequence <= up_to.

    total is the account's own counter, so neither the range nor the number of pages takes a COUNT, and nothing takes
    an OFFSET: page 20,000 costs what page 1 costs. The range of a page beyond the last lies below 1.
    cursor is where the page was asked to begin, if it was not asked for by its number.
    """

    up_to: int
    limit: int
    total: int
    cursor: int | None = None

    @property
    def above(self) -> int:
        return max(self.up_to - self.limit, 0)

    @property
    def is_empty(self) -> bool:
        return self.up_to < 1 or self.total < 1

    @property
    def number(self) -> int:
        """The page on which its newest row stands at this moment, counted from 1."""
        return max(self.total - self.up_to, 0) // self.limit + 1

    @property
    def pages(self) -> int:
        return -(-self.total // self.limit)

    @property
    def has_next(self) -> bool:
        return self.above > 0

    @property
    def has_previous(self) -> bool:
        return self.up_to < self.total

    def pagination(self) -> dict[str, Any]:
        """The envelope's part of that name."""
        return {
            "page": self.number,
            "limit": self.limit,
            "total": self.total,
            "pages": self.pages,
            "has_next": self.has_next,
            "has_previous": self.has_previous,
        }

    def links(self, path: str) -> dict[str, str | None]:
        """The envelope's part of that name.

        next and previous begin at a cursor, so that who follows them misses no row and sees none twice while new ones
        arrive; the page number beside it is for people to read.
        """
        last = max(self.pages, 1)
        before = min(max(self.number - 1, 1), last)
        return {
            "self": self._link(path, self.number, cursor=self.cursor),
            "next": self._link(path, self.number + 1, cursor=self.above) if self.has_next else None,
            "previous": self._link(path, before, cursor=self.up_to + self.limit) if self.has_previous else None,
            "first": self._link(path, 1),
            "last": self._link(path, last),
        }

    def _link(self, path: str, number: int, *, cursor: int | None = None) -> str:
        query = {"page": number, "limit": self.limit}
        position = {} if cursor is None or cursor < 1 else {"cursor": written_cursor(cursor)}
        return f"{path}?{urlencode(query | position)}"


def numbered_page(number: int, *, limit: int, total: int) -> Page:
    """The page of that number, counted from the newest row."""
    return Page(up_to=total - (number - 1) * limit, limit=limit, total=total)


def page_from(cursor: int, *, limit: int, total: int) -> Page:
    """The page that begins at a cursor and goes on to older rows.

    A cursor is no more than a place in the history of the account that the token opens, whoever wrote it: one beyond
    that history is moved to where the last row is still shown.
    """
    up_to = min(cursor, total + limit - 1)
    return Page(up_to=up_to, limit=limit, total=total, cursor=up_to)


def written_cursor(sequence: int) -> str:
    """The cursor that begins at a sequence."""
    return f"c{sequence:x}"


def read_cursor(cursor: str) -> int:
    """The sequence at which a cursor that fits CURSOR_PATTERN begins."""
    return int(cursor[1:], 16)
