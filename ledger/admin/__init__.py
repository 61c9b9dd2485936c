"""The admin: staff inspect the books here, and settle parked messages. It translates only; nothing here decides.

Who may see what is Django's own: a page shows to staff who have the view permission of its table
(`ledger.view_account`, `view_transaction`, `view_outboxrow`, `view_waitingcommand`, `view_parkedmessage`,
`view_shopdifference`), and leaves out the parts that are made of other tables. `ledger.change_parkedmessage` allows
to replay and to dismiss. No permission, and no superuser, adds, changes or deletes a row of the ledger here.
"""

from django.contrib import admin

# Importing a module registers its pages.
from ledger.admin import account, outbox, parked, shop_difference, staff, story, transaction, waiting

__all__ = ["account", "outbox", "parked", "shop_difference", "staff", "story", "transaction", "waiting"]

admin.site.index_title = "Overview"
admin.site.index_template = "admin/ledger/overview.html"
