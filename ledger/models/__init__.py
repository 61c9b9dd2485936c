"""The tables of the books, one noun a file. Only ledger.journal writes accounts, transactions, lots and holds."""

from ledger.models.account import Account, AccountChange, ShopDifference
from ledger.models.hold import Hold
from ledger.models.lot import Lot
from ledger.models.outbox import OutboxBatch, OutboxRow
from ledger.models.parked import ParkedAct, ParkedMessage, ReplayOutcome
from ledger.models.staff import Adjustment, Redaction
from ledger.models.transaction import Transaction
from ledger.models.waiting import WaitingCommand

__all__ = [
    "Account",
    "AccountChange",
    "Adjustment",
    "Hold",
    "Lot",
    "OutboxBatch",
    "OutboxRow",
    "ParkedAct",
    "ParkedMessage",
    "Redaction",
    "ReplayOutcome",
    "ShopDifference",
    "Transaction",
    "WaitingCommand",
]
