"""`manage.py redact`: erase what is stored of a shopper or a transaction, for ever."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from ledger.errors import Refused
from ledger.journal.redaction import redact_shopper, redact_transaction
from ledger.management.terminal import TerminalCommand, add_person, harmless, is_confirmed


class Command(TerminalCommand):
    """manage.py redact --shopper ID | --transaction UUID"""

    help = (
        "Erases descriptions, metadata and shopper ids for ever: of transactions, and of parked, waiting and stored "
        "messages. Parked ones are dismissed, and can't be replayed any more; waiting ones are still applied. What was "
        "moved, and the hash chain, stay. By shopper it reads every transaction and every stored message once, which "
        "takes a while on large books. Messages that are still in the broker, logs and backups are out of its reach: "
        "run it again once the queues are empty; it has erased all when it says that nothing was found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--shopper", metavar="ID", help="what bears this shopper_id, or names it in its description")
        what.add_argument("--transaction", type=UUID, help="this one, its retries, and messages that asked for it")
        parser.add_argument("--merchant", type=UUID, help="the shopper of this merchant alone")
        add_person(parser, "--actor")
        parser.add_argument("--reason", required=True, help="why; kept for ever, so it must name nobody")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        if options["merchant"] and options["transaction"]:
            raise CommandError("--merchant goes with --shopper")
        if not yes and not is_confirmed("This can't be undone. Erase it?"):
            raise CommandError("nothing was erased")
        try:
            redacted = self._redact(**options)
        except Refused as refused:
            raise CommandError(harmless(str(refused))) from None
        if redacted.transactions or redacted.messages:
            self.stdout.write(f"{redacted.transactions} transactions and {redacted.messages} messages redacted")
        else:
            self.stdout.write("nothing was found")

    def _redact(self, *, shopper: str | None, transaction: UUID | None, merchant: UUID | None, **by: Any) -> Any:
        who = {"actor": by["actor"], "reason": by["reason"]}
        if transaction is not None:
            return redact_transaction(transaction, **who)
        return redact_shopper(shopper or "", merchant_id=merchant, **who)
