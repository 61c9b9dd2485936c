"""How rows, ids, amounts and JSON are written on the admin's pages. Everything that came from outside is escaped."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from ledger.templatetags.ledger_display import NONE

SHORT = 36  # characters of an id in a list: a UUID whole
PREFORMATTED_AT_MOST = 200_000  # characters
JSON_PARTS = ("headers", "properties", "body")  # of a stored message


@dataclass(frozen=True, slots=True)
class Table:
    """A table on a page; cells are escaped unless they are safe."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    more_url: str = ""

    @property
    def as_component(self) -> dict[str, Any]:
        """What the theme's table component takes."""
        return {"headers": self.headers, "rows": self.rows}


def page_of(row: Model) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)])


def list_of(model: type[Model], **parameters: str) -> str:
    """The address of a table's list, with its search (q) and filters."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(parameters)}" if parameters else address


def link(address: str, text: object) -> SafeString:
    return format_html('<a href="{}" class="text-link">{}</a>', address, text)


def row_link(row: Model | None, text: object = None) -> SafeString | str:
    """A link to a row's page."""
    return NONE if row is None else link(page_of(row), row if text is None else text)


def story_address(correlation_id: str) -> str:
    """The address of a correlation id's story; in the query where browsers or servers would rewrite it as a path."""
    if "/" in correlation_id or "\\" in correlation_id or correlation_id in (".", ".."):
        return f"{reverse('story_search')}?{urlencode({'correlation_id': correlation_id})}"
    return reverse("story", args=[correlation_id])


def story_link(correlation_id: str) -> SafeString | str:
    """A link to the story of a correlation id."""
    if not correlation_id:
        return NONE
    return link(story_address(correlation_id), shortened(correlation_id))


def shortened(text: str) -> SafeString:
    """The beginning of a text, all of it under the pointer."""
    return format_html('<span title="{}">{}</span>', text, Truncator(text).chars(SHORT))


def pretty(value: Any) -> SafeString:
    """A JSON value over as many lines as it needs."""
    return preformatted(json.dumps(value, indent=2, ensure_ascii=False))


def pretty_text(text: str) -> SafeString:
    """JSON text likewise; any other text as it is."""
    try:
        return pretty(json.loads(text))
    except (ValueError, RecursionError):  # the latter where it is nested thousands deep
        return preformatted(text)


def pretty_message(stored: Mapping[str, str]) -> SafeString:
    """A stored message (as Message.as_text gives it) likewise: those of its parts that are JSON text among it."""
    try:
        return pretty({name: _content(part) if name in JSON_PARTS else part for name, part in stored.items()})
    except RecursionError:  # a body nested thousands deep
        return pretty(stored)


def _content(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def preformatted(text: str) -> SafeString:
    cut = "\n… cut here; `manage.py parked show` prints all of it" if len(text) > PREFORMATTED_AT_MOST else ""
    return format_html('<pre class="ledger-pre">{}{}</pre>', text[:PREFORMATTED_AT_MOST], cut)


def cells(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows for a Table: a dash where a cell is empty."""
    return [[NONE if cell in (None, "") else cell for cell in row] for row in rows]
