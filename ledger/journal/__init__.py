"""The journal: the only writer of the books."""

from ledger.journal.post import Posted, post

__all__ = ["Posted", "post"]
