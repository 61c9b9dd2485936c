"""Parked messages from the command line: list them, show one whole, replay or dismiss them."""

import json
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from ledger.events import rfc3339
from ledger.management.terminal import harmless, somebody
from ledger.models import ParkedMessage
from ledger.outcomes import ParkReason
from ledger.parking import AT_ONCE, MEANINGS, dismiss, replay
from ledger.queries.conflict import Line, side_by_side

PAGE = 50
WIDEST_COLUMN = 60  # characters of a request beside the other


class Command(BaseCommand):
    """manage.py parked list | show ID | replay ID… | dismiss ID…"""

    help = "Parked messages: list them, show one whole, send some again, or dismiss them."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="the last seen first")
        listing.add_argument("--state", choices=[*ParkedMessage.State.values, "any"], default="parked")
        listing.add_argument("--reason", choices=[str(reason) for reason in ParkReason])
        listing.add_argument("--queue")
        listing.add_argument("--limit", type=_positive, default=PAGE)
        listing.add_argument("--after", type=_position, help="go on after this one, as the list's last line gives it")
        actions.add_parser("show", help="one message whole").add_argument("id", type=int)
        for action, help_ in (("replay", "send again to their queues"), ("dismiss", "nothing more is to be done")):
            settling = actions.add_parser(action, help=help_)
            settling.add_argument("ids", type=int, nargs="+", metavar="ID")
            settling.add_argument("--by", default=somebody(), help="who decided; you, unless told otherwise")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        getattr(self, f"_{action}")(**options)

    def _list(self, *, limit: int, after: tuple[datetime, int] | None, **options: Any) -> None:
        rows = ParkedMessage.objects.order_by("-last_seen_at", "-id")
        for field in ("state", "reason", "queue"):
            if options[field] not in (None, "any"):
                rows = rows.filter(**{field: options[field]})
        if after is not None:
            seen_at, id_ = after
            rows = rows.filter(Q(last_seen_at__lte=seen_at) & (Q(last_seen_at__lt=seen_at) | Q(id__lt=id_)))
        page = list(rows[: limit + 1])
        for row in page[:limit]:
            self.stdout.write(harmless(_summary(row)))
        if len(page) > limit:
            last = page[limit - 1]
            self.stdout.write(f"More: --after {rfc3339(last.last_seen_at)},{last.pk}")

    def _show(self, *, id: int, **_: Any) -> None:
        row = ParkedMessage.objects.filter(pk=id).select_related("conflicts_with").first()
        if row is None:
            raise CommandError(f"no parked message {id}")
        for line in _whole(row):
            self.stdout.write(harmless(line))

    def _replay(self, *, ids: Sequence[int], by: str, **_: Any) -> None:
        self._report(ids, self._settled(ids, replay, by=by), done="sent again")

    def _dismiss(self, *, ids: Sequence[int], by: str, **_: Any) -> None:
        self._report(ids, self._settled(ids, dismiss, by=by), done="dismissed")

    def _settled(self, ids: Sequence[int], settle: Any, *, by: str) -> set[int]:
        now = datetime.now(UTC)
        parts = (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
        return {id_ for part in parts for id_ in settle(part, by=by, at=now)}

    def _report(self, ids: Sequence[int], settled: set[int], *, done: str) -> None:
        """Say what became of each; fail where one was left as it is."""
        left = [id_ for id_ in dict.fromkeys(ids) if id_ not in settled]
        self.stdout.write(f"{len(settled)} {done}")
        if left:
            raise CommandError(f"left as they are, not parked or from no queue: {', '.join(map(str, left))}")


def _position(text: str) -> tuple[datetime, int]:
    """Read what the list's last line gives. Raises ArgumentTypeError for anything else."""
    moment, _, id_ = text.partition(",")
    try:
        seen_at, last = datetime.fromisoformat(moment), int(id_)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not what a list's last line gives") from error
    if seen_at.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} names no time zone")
    return seen_at, last


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("must be 1 or more")
    return number


def _summary(row: ParkedMessage) -> str:
    where = f"{row.reason} {row.field}".strip()
    return "  ".join(
        (str(row.pk), rfc3339(row.last_seen_at), row.state, where, row.name or "-", row.queue or "-", f"x{row.count}")
    )


def _whole(row: ParkedMessage) -> Iterator[str]:
    yield from (
        f"id: {row.pk}",
        f"state: {row.state}",
        f"reason: {row.reason}: {MEANINGS[ParkReason(row.reason)]}",
        f"field: {row.field}",
        f"detail: {row.detail}",
        f"queue: {row.queue}",
        f"name: {row.name}",
        f"merchant_id: {row.merchant_id or ''}",
        f"correlation_id: {row.correlation_id}",
        f"seen: {row.count} times, {rfc3339(row.first_seen_at)} to {rfc3339(row.last_seen_at)}",
    )
    if row.resolved_at:
        yield f"last settled: {rfc3339(row.resolved_at)} by {row.resolved_by}"
    yield from ("", "headers:", _indented(row.headers))
    yield from ("", "properties:", _indented(row.properties))
    yield from ("", f"body ({row.body_encoding}):", _indented(row.body))
    lines = side_by_side(row)
    if lines:
        yield from ("", *_beside(lines, transaction_id=str(row.conflicts_with_id)))


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # the latter where it is nested thousands deep
        return text


def _beside(lines: Sequence[Line], *, transaction_id: str) -> Iterator[str]:
    """Both requests side by side; the lines in which a repeat must agree and does not are marked."""
    width = min(max(len(line.held) for line in lines), WIDEST_COLUMN)
    yield f"  {'':18}{'held by':{width}}  refused"
    yield f"  {'Transaction':18}{transaction_id}"
    for line in lines:
        held, refused = (" ".join(side.split()) for side in (line.held, line.refused))
        yield f"{'≠ ' if line.differs else '  '}{line.label:18}{held:{width}}  {refused}"
