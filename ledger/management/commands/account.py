"""Staff's actions on accounts from the command line: adjust, approve, refuse, freeze, thaw, threshold, shop, retry."""

from argparse import ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from ledger.errors import Refused
from ledger.fields import PLATFORMS, Category, is_shop_domain
from ledger.identifiers import new_id
from ledger.instructions import Adjust
from ledger.management.terminal import TerminalCommand, add_person, harmless, is_confirmed, moment
from ledger.models import Account
from ledger.outcomes import Outcome, Status
from ledger.staff import (
    adjust,
    adjustment,
    approve,
    freeze,
    move_shop,
    needs_approval,
    preview,
    refuse,
    retry,
    set_threshold,
    thaw,
    was_made,
)

Merchant = UUID | str  # its id, or its shop's domain
HELP = {"merchant": "its id, or its shop's domain where no other merchant has the same"}
SHOWN = 10  # merchants of one domain


class Command(TerminalCommand):
    """manage.py account adjust | approve | refuse | freeze | thaw | threshold | shop | retry"""

    help = (
        "Acts on accounts, as staff do in the admin: through the journal, with who and why on record. Whoever may run "
        "this is taken at their word about who they are (--actor)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        def action(name: str, help_: str, **about: Any) -> CommandParser:
            added: CommandParser = actions.add_parser(name, help=help_)
            for argument, type_ in about.items():
                added.add_argument(argument, type=type_, help=HELP.get(argument))
            add_person(added, "--actor")
            added.add_argument("--reason", required=True, help="why; kept for ever")
            return added

        adjusting = action(
            "adjust", "put a balance right by CHANGE credits, up or down", merchant=_merchant, change=int
        )
        adjusting.add_argument("--category", choices=[str(category) for category in Category], default="promotional")
        adjusting.add_argument("--expires-at", type=moment, metavar="TIME", help="when added credits expire (RFC 3339)")
        adjusting.add_argument("--id", type=UUID, help="makes it happen once: give the id that an earlier try printed")
        adjusting.add_argument("--yes", action="store_true", help="do not ask")
        action("approve", "approve an adjustment that another person asked for", adjustment=UUID)
        action("refuse", "refuse an adjustment that another person asked for", adjustment=UUID)
        action("freeze", "have consumptions and holds declined", merchant=_merchant)
        action("thaw", "end a freeze", merchant=_merchant)
        setting = action("threshold", "set a low-balance threshold of its own", merchant=_merchant)
        setting.add_argument("threshold", type=_threshold, help="credits; `none` has it follow the service's again")
        moving = action("shop", "give the account another shop", merchant=_merchant)
        moving.add_argument("--platform", choices=PLATFORMS, required=True)
        moving.add_argument("--shop-id", required=True)
        moving.add_argument("--domain", required=True)
        action("retry", "ask once more for what a declined transaction asked for", transaction=UUID)

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except Refused as refused:
            raise CommandError(harmless(str(refused))) from None

    def _adjust(self, *, merchant: Merchant, change: int, id: UUID | None, yes: bool, **options: Any) -> None:
        told = adjustment(
            _account(merchant),
            adjustment_id=id or new_id(),
            change=change,
            category=Category(options["category"]),
            expires_at=options["expires_at"],
            actor=options["actor"],
            reason=options["reason"],
        )
        self.stdout.write(f"adjustment {told.adjustment_id}")
        if not was_made(told):
            self._foresee(told, ask=not yes)
        done = adjust(told)
        if isinstance(done, Outcome):
            self._tell(done)
        else:
            self.stdout.write(f"{done.state}: approve it by `account approve {done.pk}`")

    def _foresee(self, told: Adjust, *, ask: bool) -> None:
        """Say what it would come to. Raises CommandError where it would be declined, or nobody confirms it."""
        seen = preview(told)
        held = f"of which {seen.held} is held"
        if seen.is_declined:
            raise CommandError(f"would be declined, {seen.outcome.reason}: balance {seen.before}, {held}")
        approval = "; a second person must approve it" if needs_approval(told) else ""
        self.stdout.write(f"would take the balance from {seen.before} to {seen.after}, {held}{approval}")
        if ask and not is_confirmed("Go on?"):
            raise CommandError("nothing was done")

    def _approve(self, *, adjustment: UUID, actor: str, reason: str, **_: Any) -> None:
        self._tell(approve(adjustment, actor=actor, reason=reason))

    def _refuse(self, *, adjustment: UUID, actor: str, reason: str, **_: Any) -> None:
        self.stdout.write(refuse(adjustment, actor=actor, reason=reason).state)

    def _freeze(self, *, merchant: Merchant, actor: str, reason: str, **_: Any) -> None:
        self._tell(freeze(_account(merchant), actor=actor, reason=reason), change="frozen")

    def _thaw(self, *, merchant: Merchant, actor: str, reason: str, **_: Any) -> None:
        self._tell(thaw(_account(merchant), actor=actor, reason=reason), change="thawed")

    def _threshold(self, *, merchant: Merchant, threshold: int | None, actor: str, reason: str, **_: Any) -> None:
        outcome = set_threshold(_account(merchant), threshold=threshold, actor=actor, reason=reason)
        self._tell(outcome, change="threshold set")

    def _shop(self, *, merchant: Merchant, **options: Any) -> None:
        outcome = move_shop(
            _account(merchant),
            platform_name=options["platform"],
            platform_shop_id=options["shop_id"],
            shop_domain=options["domain"],
            actor=options["actor"],
            reason=options["reason"],
        )
        self._tell(outcome, change="shop changed")

    def _retry(self, *, transaction: UUID, actor: str, reason: str, **_: Any) -> None:
        self._tell(retry(transaction, actor=actor, reason=reason))

    def _tell(self, outcome: Outcome, *, change: str = "") -> None:
        """Say what became of it; fail where it was not done. change is what was done where no credits move."""
        why = f", {outcome.reason}" if outcome.reason else ""
        before = " before" if outcome.replayed else ""
        which = f"; transaction {outcome.transaction_id}" if outcome.transaction_id else ""
        done = change if change and outcome.status is Status.POSTED else outcome.status
        line = f"{done}{before}{why}: balance {outcome.balance}{which}"
        if outcome.status in (Status.DECLINED, Status.PARKED):
            raise CommandError(line)
        self.stdout.write(line)


def _merchant(text: str) -> Merchant:
    """A merchant's id or a shop's domain. Raises ArgumentTypeError for anything else."""
    try:
        return UUID(text)
    except ValueError:
        pass
    if not is_shop_domain(text.lower()):
        raise ArgumentTypeError(f"{text!r} is neither a merchant's id nor a shop's domain")
    return text.lower()


def _account(merchant: Merchant) -> Account:
    """The account of a merchant, by id or by domain. Raises CommandError where there is none, or several."""
    named = Q(merchant_id=merchant)
    if isinstance(merchant, str):
        named = Q(platform_name__in=PLATFORMS, shop_domain=merchant)  # the index leads with the platform
    accounts = list(Account.objects.filter(named).order_by("id")[:SHOWN])
    if not accounts:
        raise CommandError(f"merchant {merchant} has no account")
    if len(accounts) > 1:
        ids = ", ".join(str(account.merchant_id) for account in accounts)
        raise CommandError(f"{merchant} is the domain of several merchants, name one: {ids}")
    return accounts[0]


def _threshold(text: str) -> int | None:
    return None if text == "none" else int(text)
