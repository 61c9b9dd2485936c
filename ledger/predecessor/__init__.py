"""The predecessor's data: its two tables read, ordered and understood, for ledger.journal.moving_in to write."""
