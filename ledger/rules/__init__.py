"""The rules: pure functions that decide what becomes of requests. No clock, no database, no Django."""

from ledger.rules.plan import plan

__all__ = ["plan"]
