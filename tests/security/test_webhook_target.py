"""Where a webhook goes and what signs it comes from the environment alone, whatever stands in an event."""

from typing import Any
from uuid import uuid4

import pytest

from ledger.models import ParkedMessage
from tasks.notifiers import configured_notifiers, notify_by_webhook
from tests.e2e.webhook import SECRET, listening_webhook

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def envelope(**more: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "event_type": "evt.credits.low_balance.v1",
        "correlation_id": "corr",
        "data": {"merchant_id": str(uuid4()), "balance": 1, "threshold": 100, "platform_name": "shopify"},
        **more,
    }


def test_no_field_of_an_event_leads_the_webhook_elsewhere(settings: Any) -> None:
    with listening_webhook() as ours, listening_webhook() as theirs:
        settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = ours.url, SECRET
        elsewhere = dict.fromkeys(("url", "webhook_url", "NOTIFY_WEBHOOK_URL", "secret", "target"), theirs.url)
        told = envelope(**elsewhere, metadata=elsewhere)
        told["data"] |= elsewhere

        notify_by_webhook.apply(kwargs={"envelope": told})

        merchant = told["data"]["merchant_id"]
        assert (len(ours.calls(merchant)), theirs.calls(merchant)) == (1, [])


def test_a_task_that_names_a_target_of_its_own_is_parked(settings: Any) -> None:
    with listening_webhook() as ours, listening_webhook() as theirs:
        settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = ours.url, SECRET
        told = envelope()

        notify_by_webhook.apply(kwargs={"envelope": told, "url": theirs.url}, throw=False)

        merchant = told["data"]["merchant_id"]
        assert (ours.calls(merchant), theirs.calls(merchant)) == ([], [])
    assert ParkedMessage.objects.get().reason == "defect"


def test_without_a_target_in_the_environment_nobody_is_told(settings: Any) -> None:
    settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_EMAILS = "", ()

    assert configured_notifiers() == []
