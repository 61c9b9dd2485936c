"""Filters with a fixed list of choices: none of them asks the table what there is."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest


class ChoiceFilter(SimpleListFilter):
    """Rows that meet the condition of the choice made."""

    conditions: ClassVar[dict[str, tuple[str, Q]]]  # by the URL's value: the choice's text and its condition
    # Those choices for which the table has an index, and the columns by which it gives the rows, the last one unique.
    indexed_by: ClassVar[dict[str, tuple[str, ...]]] = {}

    @property
    def index(self) -> tuple[str, ...] | None:
        """The columns by which an index gives the rows of the choice made; None where there is no such index."""
        return self.indexed_by.get(self.value() or "")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(value, text) for value, (text, _) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if value not in self.conditions:
            raise IncorrectLookupParameters(f"{self.parameter_name} has no choice {value!r}")
        return queryset.filter(self.conditions[value][1])


def each_of(field: str, values: Iterable[str]) -> dict[str, tuple[str, Q]]:
    """Conditions for a ChoiceFilter: one choice for every value that a field may hold."""
    return {value: (value.replace("_", " "), Q((field, value))) for value in values}
