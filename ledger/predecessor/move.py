"""The move: what is staged goes into the books, whole accounts at a time, and goes on where it was cut short."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from uuid import UUID

from ledger.journal.moving_in import Arrival, Tell, accounts_there, move_in
from ledger.predecessor import columns
from ledger.predecessor.course import Course, course_of, in_order
from ledger.predecessor.rows import BadRow, Note, OldAccount, OldTransaction, Reason
from ledger.predecessor.staging import Staging
from ledger.rules.state import Policy

ACCOUNTS_AT_ONCE = 500
ROWS_AT_ONCE = 5000  # in one database transaction, but that an account is never cut


@dataclass(slots=True)
class Progress:
    """How far the move has come: accounts and rows moved in, accounts that were there before, and refused ones."""

    accounts: int = 0
    rows: int = 0
    there: int = 0
    refused: int = 0


def move(staging: Staging, *, policy: Policy, tell: Tell) -> Iterator[Progress]:
    """Move in every account that is not there yet; says again and again how far it has come.

    Killed at any point and started again, it goes on with the accounts that are missing. Raises what move_in raises.
    """
    return _Move(staging, policy, tell).go()


class _Move:
    def __init__(self, staging: Staging, policy: Policy, tell: Tell) -> None:
        self.staging, self.policy, self.tell = staging, policy, tell
        self.progress = Progress()

    def go(self) -> Iterator[Progress]:
        for texts in self.staging.without_account():
            self._refuse(Reason.NO_ACCOUNT, columns.TRANSACTIONS, texts["id"], texts["account_id"], "there is none")
        accounts = self._accounts()
        while chunk := list(islice(accounts, ACCOUNTS_AT_ONCE)):
            yield from self._move_chunk(chunk)
        yield self.progress

    def _accounts(self) -> Iterator[tuple[str, OldAccount]]:
        """The accounts, with their ids as they are spelt; what can't be read is refused."""
        for texts in self.staging.accounts():
            try:
                yield texts["id"], columns.account(texts)
            except BadRow as bad:
                self._refuse_bad(bad, texts["id"])

    def _move_chunk(self, chunk: Sequence[tuple[str, OldAccount]]) -> Iterator[Progress]:
        there = accounts_there(account.merchant_id for _, account in chunk)
        group: list[Arrival] = []
        for spelt, account in chunk:
            if there.get(account.merchant_id) == account.id:
                self.progress.there += 1
            elif arrival := self._arrival(spelt, account, there):
                there[account.merchant_id] = account.id
                group.append(arrival)
            if sum(one.course.rows for one in group) >= ROWS_AT_ONCE:
                yield self._write(group)
                group = []
        yield self._write(group)

    def _write(self, group: Sequence[Arrival]) -> Progress:
        if group:
            self.progress.rows += move_in(group, policy=self.policy, tell=self.tell)
            self.progress.accounts += len(group)
        return self.progress

    def _arrival(self, spelt: str, account: OldAccount, there: dict[UUID, UUID]) -> Arrival | None:
        """The account ready to be moved in; None where it was refused."""
        if account.merchant_id in there:
            detail = f"merchant {account.merchant_id} has the account {there[account.merchant_id]}"
            self._refuse(Reason.TAKEN, columns.ACCOUNTS, spelt, spelt, detail)
            return None
        rows = partial(self._rows, spelt, account)
        try:
            course = course_of(rows(), balance=account.balance)
            _check(course, spelt)
        except BadRow as bad:
            self._refuse_bad(bad, spelt)
            return None
        return Arrival(account=account, course=course, rows=rows)

    def _rows(self, spelt: str, account: OldAccount) -> Iterator[OldTransaction]:
        texts = self.staging.transactions(spelt)
        return in_order(columns.transaction(row, merchant_id=account.merchant_id) for row in texts)

    def _refuse_bad(self, bad: BadRow, account_id: str) -> None:
        self._refuse(Reason.BAD_FIELD, bad.table, bad.row, account_id, f"{bad.field}: {bad.why}")

    def _refuse(self, reason: Reason, table: str, row: str, account_id: str, detail: str) -> None:
        self.progress.refused += 1
        self.tell(Note(reason=reason, table=table, row=row, account_id=account_id, detail=detail))


def _check(course: Course, row: str) -> None:
    if not course.fits:
        why = "its rows come to more than the books can hold, or to a difference of more than one row can"
        raise BadRow(table=columns.ACCOUNTS, row=row, field="balance", why=why)
