"""The outbox from the command line: what is stuck and why, publishing again, parking what can't be sent."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from ledger import dialect
from ledger.events import rfc3339
from ledger.follow_ups import Destination
from ledger.journal.outbox_upkeep import park_stuck, publish_again, published_since, stuck_rows
from ledger.management.terminal import TerminalCommand, harmless, moment

BATCH = 500
LATE = timedelta(seconds=30)  # by then the sweep has tried it


class Command(TerminalCommand):
    """manage.py outbox stuck | republish --since TIME | park ID…"""

    help = "The outbox: what waits to be published and why, publishing again, parking what can't be sent again."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("stuck", help="what waits for longer than the sweep needs, by kind and error; exits 1 then")
        again = actions.add_parser(
            "republish",
            help="after a broker has lost what it had confirmed: have the sweep publish again what was published since "
            "a moment, under the same event_id. Rows are kept for OUTBOX_RETENTION",
        )
        again.add_argument("--since", type=moment, required=True, metavar="TIME", help="RFC 3339, with its zone")
        again.add_argument(
            "--only",
            choices=[str(destination) for destination in Destination],
            action="append",
            help="events, follow-up tasks (which tell their event, and people, again), or stored messages; else all",
        )
        again.add_argument("--dry-run", action="store_true", help="only say how many there are")
        parking = actions.add_parser("park", help="park stored messages that can't be sent again; events stay")
        parking.add_argument("ids", type=UUID, nargs="+", metavar="ID")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        getattr(self, f"_{action}")(**options)

    def _stuck(self, **_: Any) -> None:
        stuck = stuck_rows(older_than=datetime.now(UTC) - LATE)
        for kind in stuck:
            tried = f"tried {kind.attempts} times" if kind.attempts else "not swept yet"
            since, why = rfc3339(kind.oldest_at), kind.last_error or "no error"
            what = f"{kind.rows} rows  {kind.destination} {kind.name}  since {since}  {tried}"
            self.stdout.write(harmless(f"{what}  oldest {kind.oldest}  {why}"))
        if stuck:
            raise SystemExit(1)
        self.stdout.write("nothing is stuck")

    def _republish(self, *, since: datetime, only: list[str] | None, dry_run: bool, **_: Any) -> None:
        until = dialect.current().clock()
        destinations = [Destination(name) for name in only] if only else list(Destination)
        if since < until - settings.OUTBOX_RETENTION:
            self.stderr.write(f"rows published before {rfc3339(until - settings.OUTBOX_RETENTION)} are gone")
        if dry_run:
            self.stdout.write(f"{published_since(since, destinations)} would be published again")
            return
        count = 0
        while batch := publish_again(since=since, until=until, destinations=destinations, limit=BATCH):
            count += batch
        self.stdout.write(f"{count} will be published again by the sweep")

    def _park(self, *, ids: Sequence[UUID], **_: Any) -> None:
        parked = park_stuck(ids)
        if parked:
            self.stdout.write(f"{len(parked)} parked")
        if left := [str(each) for each in ids if each not in parked]:
            raise CommandError(f"left as they are, published or no stored messages: {', '.join(left)}")
