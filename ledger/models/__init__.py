"""The tables of the books, one noun a file. Only ledger.journal writes accounts and transactions."""

from ledger.models.account import Account, ShopDifference
from ledger.models.outbox import OutboxRow
from ledger.models.parked import ParkedMessage
from ledger.models.transaction import Transaction
from ledger.models.waiting import WaitingCommand

__all__ = ["Account", "OutboxRow", "ParkedMessage", "ShopDifference", "Transaction", "WaitingCommand"]
