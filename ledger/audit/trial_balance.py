"""The trial balance: what each house account gave and took, which must come to what the merchants hold."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q, Sum

from ledger.audit.finding import ALL, Finding
from ledger.audit.scope import Scope
from ledger.models import Transaction


@dataclass(frozen=True, slots=True)
class Line:
    """One kind: the credits that its house account gave to merchants, and took from them."""

    kind: str
    credited: int
    debited: int

    @property
    def net(self) -> int:
        return self.credited - self.debited


def trial_balance(scope: Scope) -> list[Line]:
    """A line for each kind that posted rows have, sorted by kind."""
    credit = Q(operation=Transaction.Operation.CREDIT)
    debit = Q(operation=Transaction.Operation.DEBIT)
    sums = scope.posted.values("kind").annotate(
        credited=Sum("amount", filter=credit), debited=Sum("amount", filter=debit)
    )
    return [Line(row["kind"], int(row["credited"] or 0), int(row["debited"] or 0)) for row in sums.order_by("kind")]


def sum_of_balances(scope: Scope) -> int:
    """What all merchants hold together."""
    return int(scope.accounts.order_by().aggregate(total=Sum("balance"))["total"] or 0)


def check_trial_balance(scope: Scope) -> Iterator[Finding]:
    """What the house accounts gave, less what they took, is what the merchants hold."""
    net, held = sum(line.net for line in trial_balance(scope)), sum_of_balances(scope)
    if net != held:
        yield Finding(table="credit_accounts", row=ALL, what="sum of balances by kind", expected=net, found=held)
