"""The admin: staff inspect the books here, act on accounts, and settle parked messages. It translates only.

Who may see what is Django's own: a page shows to staff who have the view permission of its table
(`ledger.view_account`, `view_transaction`, `view_lot`, `view_hold`, `view_adjustment`, `view_accountchange`,
`view_outboxrow`, `view_waitingcommand`, `view_parkedmessage`, `view_shopdifference`), and leaves out the parts that are
made of other tables. What may be done needs a permission besides, and goes through the journal:

`ledger.add_transaction`       adjust a balance, or ask for it; retry a declined transaction
`ledger.change_adjustment`     approve or refuse what another person asked for
`ledger.change_account`        freeze, thaw, set a threshold, change the shop
`ledger.change_parkedmessage`  replay, dismiss

No permission, and no superuser, adds, changes or deletes a row of the ledger by hand here.
"""

from django.contrib import admin

# Importing a module registers its pages.
from ledger.admin import (
    account,
    adjustment,
    hold,
    lot,
    outbox,
    parked,
    shop_difference,
    staff,
    story,
    transaction,
    waiting,
)

__all__ = [
    "account",
    "adjustment",
    "hold",
    "lot",
    "outbox",
    "parked",
    "shop_difference",
    "staff",
    "story",
    "transaction",
    "waiting",
]

admin.site.index_title = "Overview"
admin.site.index_template = "admin/ledger/overview.html"
