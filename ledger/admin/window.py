"""Windows: a list looks at so many rows at a time, whatever the size of its table.

Filters, the count and the page numbers work within the window; a link leads on to the rows older than it. So no
list counts, sorts or scans a huge table: a window is a range of an index.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

ROWS_AT_MOST = 10_000
FROM = "from"  # the URL's parameter: the newest position in the window


@dataclass(frozen=True, slots=True)
class Scope:
    """What a list is about: the rows that meet a condition, newest first by columns that an index has in this order.

    The last of `by` makes a position unique.
    """

    condition: Q = field(default_factory=Q)
    by: tuple[str, ...] = ("id",)


class WindowPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Counts no further than a window reaches, also where it is given a whole table."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # a list's rows are always a query
        return rows.values("pk")[:ROWS_AT_MOST].count()


class WindowedChangeList(ChangeList):
    """A change list over one window of its model admin's scope."""

    older: str | None = None  # the position at which the next window begins, where there is one

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        return {name: value for name, value in super().get_filters_params(params).items() if name != FROM}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        self.filter_specs, self.has_filters, unknown, _, self.has_active_filters = self.get_filters(request)
        if unknown:
            raise IncorrectLookupParameters(f"no filter is called {', '.join(unknown)}")
        self.clear_all_filters_qs = self.get_query_string(dict.fromkeys(self.get_filters_params()))
        scope = self.model_admin.scope(request, self.query)
        rows = self.root_queryset.filter(scope.condition)
        # A choice with an index of its own says which rows the window counts; any other chooses within the window.
        indexed = next((spec for spec in self.filter_specs if spec.index and not self.query), None)
        if indexed is not None:
            scope = Scope(by=indexed.index)
            rows = indexed.queryset(request, rows)
        rows = self._window(rows.order_by(*(f"-{column}" for column in scope.by)), scope, start=request.GET.get(FROM))
        for spec in self.filter_specs:
            if spec is not indexed:
                rows = spec.queryset(request, rows)
        return rows

    def _window(self, rows: QuerySet[Any], scope: Scope, *, start: str | None) -> QuerySet[Any]:
        if start is not None:
            rows = rows.filter(_at_or_before(scope.by, _position(self.model, scope.by, start)))
        following = rows.values_list(*scope.by)[ROWS_AT_MOST : ROWS_AT_MOST + 1]
        for position in following:
            self.older = "~".join(_text(value) for value in position)
            return rows.filter(_after(scope.by, position))
        return rows

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count  # else the theme offers to show all of what is shown

    @property
    def older_url(self) -> str:
        """Where the next window is; empty where this is the last."""
        return self.get_query_string({FROM: self.older}) if self.older else ""

    @property
    def newest_url(self) -> str:
        """Where the first window is; empty where this is the first."""
        return self.get_query_string({FROM: None}) if FROM in self.filter_params else ""


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _position(model: type[Model], by: tuple[str, ...], text: str) -> list[Any]:
    """Read what _text wrote. Raises IncorrectLookupParameters for anything else."""
    parts = text.split("~")
    try:
        if len(parts) != len(by):
            raise ValueError(text)
        return [_column(model, name).to_python(part) for name, part in zip(by, parts, strict=True)]
    except (ValueError, ValidationError) as error:
        raise IncorrectLookupParameters(error) from error


def _column(model: type[Model], path: str) -> Any:
    """The field at the end of a query's path, such as batch__publish_after."""
    *relations, name = path.split("__")
    for relation in relations:
        model = cast(type[Model], model._meta.get_field(relation).related_model)
    return model._meta.get_field(name)


def _at_or_before(by: tuple[str, ...], position: Any) -> Q:
    return _beyond(by, position, strictly="lt", last="lte")


def _after(by: tuple[str, ...], position: Any) -> Q:
    return _beyond(by, position, strictly="gt", last="gt")


def _beyond(by: tuple[str, ...], position: Any, *, strictly: str, last: str) -> Q:
    """Rows on one side of a position, in the form that lets an index find where they begin."""
    *leading, (unique, value) = zip(by, position, strict=True)
    condition = Q((f"{unique}__{last}", value))
    for column, value in reversed(leading):
        condition = Q((f"{column}__{strictly}e", value)) & (Q((f"{column}__{strictly}", value)) | condition)
    return condition
