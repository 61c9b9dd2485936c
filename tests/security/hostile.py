"""Hostile texts, and books in which every text that comes from outside is one."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ledger.fields import Category
from ledger.journal import post
from ledger.journal.parking import ToPark, park
from ledger.messages import Message
from ledger.models import Account, OutboxBatch, OutboxRow
from ledger.outcomes import ParkReason
from ledger.staff import adjust, freeze, retry
from ledger.staff.adjustments import adjustment
from tests.ledger.builders import (
    change_shop,
    consume,
    consume_match,
    grant,
    hold,
    open_account,
    opened_account,
    purchase,
    request,
)

# Marks the page where any part of it runs; the last part would run by the theme's own script.
RUNS = (
    """"'></textarea></title><script>window.pwned=1</script><img src=x onerror="window.pwned=1">"""
    """<svg onload='window.pwned=1'><b x-data x-init="window.pwned=1">{{7*7}}</b>"""
    """<a href="javascript:window.pwned=1">x</a>"""
)
INJECTS = "'; DROP TABLE credit_accounts; --"
TEXTS = (RUNS, INJECTS, "%(a)s %s {0} ${jndi:ldap://x} $(id) `id`", "=cmd|' /C calc'!A0", "\u202etxt.exe\u2066")


def hostile_books(text: str) -> Account:
    """One account with a row in every table, whose texts are all this one, with a number where each must be another."""
    account = opened_account(credits_bought=500, platform_shop_id=f"{text}0")
    mine = {"merchant_id": account.merchant_id}
    said = {"description": f"{text} said", "metadata": {text: {text: [text]}}}
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    commands = (
        purchase(**mine, credits=1, purchase_id=f"{text}1"),
        consume_match(**mine, match_id=f"{text}2", shopper_id=f"{text}3"),
        consume(**mine, amount=60, reference_id=f"{text}4", **said),
        consume(**mine, amount=1_000_000, reference_id=f"{text}5", **said),
        hold(**mine, amount=10, reference_id=f"{text}6", **said),
        grant(**mine, effective_at=tomorrow, reference_id=f"{text}7", **said),
        open_account(**mine, platform_shop_id=f"{text}8"),
        change_shop(**mine, platform_shop_id=f"{text}9"),
    )
    post([request(command, correlation_id=text)._replace(producer=text) for command in commands])
    post([request(grant(**mine, reference_id=f"{text}10", **said), correlation_id=text, due_at=tomorrow)])
    park([_to_park(account, text)])
    freeze(account, actor=text, reason=text)
    adjust(adjustment(account, category=Category.PAID, change=50_000, adjustment_id=uuid4(), reason=text, actor=text))
    declined = account.transactions.filter(status="declined").first()
    retry(declined.pk, actor=text, reason=text)  # type: ignore[union-attr]
    OutboxBatch.objects.filter(rows__in=OutboxRow.objects.all()[:2]).update(last_error=text)
    account.refresh_from_db()
    return account


def _to_park(account: Account, text: str) -> ToPark:
    message = Message(
        queue=text[:200],
        name=text[:200],
        body=json.dumps([[text], {text: text}, {}]).encode(),
        headers={"id": text, text: text},
        properties={"content_type": text, "user_id": text},
    )
    return ToPark(
        message=message,
        reason=ParkReason.INVALID_FIELD,
        field=text[:200],
        detail=text,
        correlation_id=text[:255],
        merchant_id=account.merchant_id,
    )
