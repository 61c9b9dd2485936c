"""Parked messages from the command line: list them, show one whole, correct one, replay or dismiss them."""

import json
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from ledger.errors import Refused
from ledger.events import rfc3339
from ledger.management.terminal import TerminalCommand, add_person, harmless, moment
from ledger.models import ParkedAct, ParkedMessage
from ledger.outcomes import ParkReason
from ledger.parking import AT_ONCE, MEANINGS, SECOND_PERSON, correct, dismiss, left_for_another, replay
from ledger.queries.conflict import Line, side_by_side
from ledger.queries.parked import Wanted, acts_of, became, last_replay, parked_messages, position_after, word
from ledger.sending_again import as_it_would_be_sent, newest_corrections

PAGE = 50
BODY_HELP = "a file, - for stdin: all of a task's [args, kwargs, embed], or an event's envelope"
MAX_ID = 2**63 - 1
WIDEST_COLUMN = 60  # characters of a request beside the other


class Command(TerminalCommand):
    """manage.py parked list | show ID | correct ID --body FILE --reason … | replay ID… | dismiss ID… --reason …"""

    help = "Parked messages: list them, show one whole, correct one, send some again, or dismiss them."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="the last seen first")
        listing.add_argument("--state", choices=[*ParkedMessage.State.values, "any"], default="parked")
        listing.add_argument("--reason", choices=[str(reason) for reason in ParkReason])
        listing.add_argument("--queue")
        listing.add_argument("--name", help="the task, or the plain event's type")
        listing.add_argument("--merchant", type=UUID)
        listing.add_argument("--since", type=moment, help="last seen then or later, such as 2026-01-31T12:00:00Z")
        listing.add_argument("--until", type=moment, help="last seen before then")
        listing.add_argument("--limit", type=_positive, default=PAGE)
        listing.add_argument("--after", type=_position, help="go on after this one, as the list's last line gives it")
        showing = actions.add_parser("show", help="one message whole, and what was done about it")
        showing.add_argument("id", type=_id)
        showing.add_argument("--body", action="store_true", help="its body alone, as a replay would send it")
        correcting = actions.add_parser("correct", help="store what it should have been; a replay then sends that")
        correcting.add_argument("id", type=_id)
        correcting.add_argument(
            "--body",
            type=_content,
            required=True,
            help=BODY_HELP,
        )
        correcting.add_argument("--headers", type=_content, help="a file with all headers, a JSON object")
        replaying = actions.add_parser("replay", help="send again to their queues, as corrected")
        dismissing = actions.add_parser("dismiss", help="nothing more is to be done")
        for settling in (replaying, dismissing):
            settling.add_argument("ids", type=_id, nargs="+", metavar="ID")
        for acting in (correcting, dismissing):
            acting.add_argument("--reason", required=True, help="why; it is kept")
        for acting in (correcting, replaying, dismissing):
            add_person(acting, "--by")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except Refused as refused:
            raise CommandError(str(refused)) from None

    def _list(self, *, limit: int, after: tuple[datetime, int] | None, **options: Any) -> None:
        names = [field.name for field in fields(Wanted)]
        asked = {name: options[name] for name in names if options[name] not in (None, "any")}
        rows = parked_messages(Wanted(**asked))
        if after is not None:
            rows = rows.filter(position_after(*after))
        page = list(rows[: limit + 1])
        for row in page[:limit]:
            self.stdout.write(harmless(_summary(row)))
        if len(page) > limit:
            last = page[limit - 1]
            self.stdout.write(f"More: --after {rfc3339(last.last_seen_at)},{last.pk}")

    def _show(self, *, id: int, body: bool, **_: Any) -> None:
        row = ParkedMessage.objects.filter(pk=id).select_related("conflicts_with").first()
        if row is None:
            raise CommandError(f"no parked message {id}")
        if body:
            message = as_it_would_be_sent(row, newest_corrections([row]).get(row.pk))
            self.stdout.write(message.body.decode(errors="backslashreplace"))
            return
        for line in _whole(row):
            self.stdout.write(harmless(line))

    def _correct(self, *, id: int, body: str, headers: str | None, by: str, reason: str, **_: Any) -> None:
        correct(id, body=body, headers=headers, by=by, reason=reason, at=datetime.now(UTC))
        self.stdout.write(f"corrected; send it by `parked replay {id}`")

    def _replay(self, *, ids: Sequence[int], by: str, **_: Any) -> None:
        settled = self._settled(ids, replay, by=by)
        self._report(ids, settled, by=by, done="sent again; `parked show` tells what becomes of it")

    def _dismiss(self, *, ids: Sequence[int], by: str, reason: str, **_: Any) -> None:
        settled = self._settled(ids, partial(dismiss, reason=reason), by=by)
        self._report(ids, settled, by=by, done="dismissed")

    def _settled(self, ids: Sequence[int], settle: Any, *, by: str) -> set[int]:
        now = datetime.now(UTC)
        parts = (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
        return {id_ for part in parts for id_ in settle(part, by=by, at=now)}

    def _report(self, ids: Sequence[int], settled: set[int], *, by: str, done: str) -> None:
        """Say what became of each; fail where one was left as it is."""
        left = [id_ for id_ in dict.fromkeys(ids) if id_ not in settled]
        if settled:
            self.stdout.write(f"{len(settled)} {done}")
        parts = (left[start : start + AT_ONCE] for start in range(0, len(left), AT_ONCE))
        waiting = [id_ for part in parts for id_ in left_for_another(part, by=by)]
        others = [id_ for id_ in left if id_ not in waiting]
        told = ((SECOND_PERSON, waiting), ("not parked or from no queue", others))
        if left:
            raise CommandError(
                "; ".join(f"left as they are, {why}: {', '.join(map(str, ids_))}" for why, ids_ in told if ids_)
            )


def _position(text: str) -> tuple[datetime, int]:
    """Read what the list's last line gives. Raises ArgumentTypeError for anything else."""
    at, _, id_ = text.partition(",")
    try:
        last = int(id_)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not what a list's last line gives") from error
    return moment(at), last


def _content(path: str) -> str:
    """What a file holds, or standard input. Raises ArgumentTypeError where it can't be read as text."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ArgumentTypeError(f"{path}: {error}") from error


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("must be 1 or more")
    return number


def _id(text: str) -> int:
    number = _positive(text)
    if number > MAX_ID:
        raise ArgumentTypeError("no parked message has such an id")
    return number


def _summary(row: ParkedMessage) -> str:
    where = f"{row.reason} {row.field}".strip()
    replayed = last_replay(row)
    parts = (
        str(row.pk),
        rfc3339(row.last_seen_at),
        row.state,
        where,
        row.name or "-",
        row.queue or "-",
        f"x{row.count}",
    )
    return "  ".join((*parts, became(replayed)) if replayed else parts)


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
    acts = acts_of(row)
    if acts:
        yield from ("", "what was done about it:", *(line for act in acts for line in _told(act)))
    yield from ("", "headers, as they came:", _indented(row.headers))
    yield from ("", "properties, as they came:", _indented(row.properties))
    yield from ("", f"body, as it came ({row.body_encoding}):", _indented(row.body))
    lines = side_by_side(row)
    if lines:
        yield from ("", *_beside(lines, transaction_id=str(row.conflicts_with_id)))


def _told(act: ParkedAct) -> Iterator[str]:
    """One act, with what it would send or what became of it."""
    why = f": {act.reason}" if act.reason else ""
    yield f"  {rfc3339(act.acted_at)}  {act.what} by {act.actor}{why}"
    if act.what == ParkedAct.What.CORRECTED:
        sent = ("corrected headers:", _indented(act.headers), "corrected body:", _indented(act.body))
        yield from (indent(text, "    ") for text in sent)
    elif act.what == ParkedAct.What.REPLAYED:
        yield f"    {became(act)}"
        outcomes = list(act.outcomes.all())
        for outcome in outcomes:
            transaction = f"; transaction {outcome.transaction_id}" if outcome.transaction_id else ""
            reason = f", {outcome.reason}" if outcome.reason else ""
            item = f"item {outcome.item}: " if len(outcomes) > 1 else ""
            yield f"    {rfc3339(outcome.decided_at)}  {item}{word(outcome)}{reason}{transaction}"


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
