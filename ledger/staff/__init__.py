"""Staff: what members of staff may have done about an account, in the admin and from the command line alike."""

from ledger.staff.adjustments import adjust, adjustment, approve, needs_approval, refuse, was_made
from ledger.staff.changes import freeze, move_shop, set_threshold, thaw
from ledger.staff.preview import Preview, preview
from ledger.staff.retries import retry

__all__ = [
    "Preview",
    "adjust",
    "adjustment",
    "approve",
    "freeze",
    "move_shop",
    "needs_approval",
    "preview",
    "refuse",
    "retry",
    "set_threshold",
    "thaw",
    "was_made",
]
