"""The ledger as a Django app."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Accounts, transactions, and what waits, is parked or is still to be told."""

    name = "ledger"
    verbose_name = "Credit ledger"
    default_auto_field = "django.db.models.BigAutoField"
