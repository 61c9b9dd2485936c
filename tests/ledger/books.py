"""A small set of books with every kind of row and event in it, made by the journal."""

from dataclasses import dataclass

from ledger.journal import post
from ledger.models import Account, OutboxRow, Transaction
from tests.ledger.builders import consume, opened_account, purchase, requests, start_trial


@dataclass(frozen=True)
class Story:
    """One merchant who bought, ran low, ran out, was declined and topped up; beside another who only had a trial."""

    account: Account
    bought: Transaction
    ran_low: Transaction
    ran_out: Transaction
    declined: Transaction
    topped_up: Transaction
    bystander: Account

    def event(self, transaction: Transaction, name: str) -> OutboxRow:
        """The event that a transaction told, by the middle of its type: granted, low_balance …"""
        return OutboxRow.objects.get(transaction=transaction, event_type=f"evt.credits.{name}.v1")


def story() -> Story:
    """150 bought; 60 consumed, which is low; 90 consumed, which is all; 1 declined; 500 bought, which recovers."""
    account, bystander = opened_account(), opened_account()
    ours = {"merchant_id": account.merchant_id}
    commands = [
        purchase(**ours, credits=150),
        consume(**ours, amount=60),
        consume(**ours, amount=90),
        consume(**ours, amount=1),
        purchase(**ours, credits=500),
    ]
    outcomes = post(requests(*commands, start_trial(merchant_id=bystander.merchant_id)))
    rows = [Transaction.objects.get(id=outcome.transaction_id) for outcome in outcomes[: len(commands)]]
    account.refresh_from_db()
    bystander.refresh_from_db()
    return Story(account, *rows, bystander)
