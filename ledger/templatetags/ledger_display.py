"""How the admin writes moments and numbers, for its templates and for its own columns."""

from datetime import UTC, datetime

from django.template import Library

NONE = "–"

register = Library()


@register.filter
def number(value: int | None) -> str:
    """A whole number with its thousands apart."""
    return NONE if value is None else f"{value:,}"


@register.filter
def unlocalized(value: float) -> str:
    """A number as a drawing has it, whatever a language writes."""
    return repr(value)


@register.filter
def moment(value: datetime | None) -> str:
    """A moment in UTC to the millisecond, for pages on which one thing follows another within a second."""
    return NONE if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")
