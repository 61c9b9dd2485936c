"""The list of checks, in the order in which an audit makes them."""

from collections.abc import Callable, Iterator, Mapping

from ledger.audit.accounts import check_accounts
from ledger.audit.alerts import check_alerts
from ledger.audit.batches import check_batches
from ledger.audit.chain import check_chain
from ledger.audit.finding import Finding
from ledger.audit.holds import check_holds
from ledger.audit.lots import check_lots
from ledger.audit.numbering import check_numbering
from ledger.audit.owed import check_owed, check_published
from ledger.audit.rows import check_rows
from ledger.audit.running import check_running
from ledger.audit.scope import Scope
from ledger.audit.told import check_told
from ledger.audit.trial_balance import check_trial_balance

CHAIN = "hash chain"
CHECKS: Mapping[str, Callable[[Scope], Iterator[Finding]]] = {
    "accounts against the sums of their rows and their newest row": check_accounts,
    "transactions, each on its own": check_rows,
    "transactions, each against the one before": check_running,
    CHAIN: check_chain,
    "lots": check_lots,
    "holds": check_holds,
    "trial balance by kind": check_trial_balance,
    "events, numbered without a gap": check_numbering,
    "events, each against its transaction": check_told,
    "events owed": check_owed,
    "alerts": check_alerts,
    "outbox, every row in its batch": check_batches,
    "outbox, published in time": check_published,
}


def audit(scope: Scope) -> Iterator[Finding]:
    """Make every check; what they find, as they find it. Call it within a snapshot."""
    for check in CHECKS.values():
        yield from check(scope)
