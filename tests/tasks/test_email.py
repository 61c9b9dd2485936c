"""The e-mail notifier, up to the mail server."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.mail import EmailMessage

from tasks.notifiers import configured_notifiers, notify_by_email

ENVELOPE = {
    "event_id": str(uuid4()),
    "event_type": "evt.credits.low_balance.v1",
    "correlation_id": "corr_0123456789ab",
    "data": {"merchant_id": str(uuid4()), "balance": 50, "threshold": 100, "platform_name": "shopify"},
}


@pytest.fixture
def addressed(settings: Any) -> None:
    settings.NOTIFY_EMAILS = ("ops@example.com", "sales@example.com")


def test_one_message_goes_to_everybody_listed(addressed: None, mailoutbox: list[EmailMessage]) -> None:
    notify_by_email.apply(kwargs={"envelope": ENVELOPE})

    (mail,) = mailoutbox
    assert mail.to == ["ops@example.com", "sales@example.com"]
    assert ENVELOPE["data"]["merchant_id"] in mail.subject
    assert "balance: 50" in mail.body
    assert "corr_0123456789ab" in mail.body


def test_only_configured_notifiers_are_started(addressed: None) -> None:
    assert configured_notifiers() == ["credits.notify_by_email"]
