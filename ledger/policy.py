"""The policy in force: the rules' settings, out of the service's."""

from django.conf import settings

from ledger.rules.state import Alerts, Policy


def current_policy() -> Policy:
    """The rules' settings."""
    return Policy(
        trial_credits=settings.TRIAL_CREDITS,
        trials_expire=settings.TRIAL_CREDITS_EXPIRE,
        low_balance_threshold=settings.LOW_BALANCE_THRESHOLD,
        alerts=Alerts(settings.LOW_BALANCE_ALERTS),
        expiring_soon=settings.EXPIRING_SOON,
    )
