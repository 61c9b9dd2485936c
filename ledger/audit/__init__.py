"""The audit: walks the books in one consistent view and names every row that is wrong. It never writes.

A subject a module, each with one function that takes the Scope and yields Findings; CHECKS lists them all.
"""

from ledger.audit.checks import CHAIN, CHECKS, audit
from ledger.audit.finding import Finding, Severity
from ledger.audit.scope import Scope
from ledger.snapshot import snapshot

__all__ = ["CHAIN", "CHECKS", "Finding", "Scope", "Severity", "audit", "snapshot"]
