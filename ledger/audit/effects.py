"""Effects: which posted rows raise and lower each of an account's totals."""

from django.db.models import BigIntegerField, Case, F, Q, When
from django.db.models.expressions import Combinable

from ledger.models import Transaction

CREDIT = Transaction.Operation.CREDIT
DEBIT = Transaction.Operation.DEBIT
REVERSE = Transaction.Kind.REVERSE
EXPIRE = Transaction.Kind.EXPIRE


def effects(*, prefix: str = "") -> dict[str, Case]:
    """By total, what a posted row adds to it: its amount, less than nothing for a reversal, or 0.

    prefix leads to the transactions where the query is about something else.
    """

    def rows(**columns: str) -> Q:
        return Q(**{f"{prefix}{name}": value for name, value in columns.items()})

    amount = F(f"{prefix}amount")
    reversal, expiry = rows(kind=REVERSE), rows(kind=EXPIRE)
    return {
        "total_granted": _case(
            (rows(operation=CREDIT) & ~reversal, amount), (rows(operation=DEBIT) & reversal, -amount)
        ),
        "total_consumed": _case(
            (rows(operation=DEBIT) & ~reversal & ~expiry, amount), (rows(operation=CREDIT) & reversal, -amount)
        ),
        "total_expired": _case((expiry, amount)),
    }


def _case(*cases: tuple[Q, Combinable]) -> Case:
    whens = [When(condition, then=amount) for condition, amount in cases]
    return Case(*whens, default=0, output_field=BigIntegerField())
