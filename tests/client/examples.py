"""A complete example of each command and plain event, as plain JSON fields."""

from typing import Any

MERCHANT = "0190f5fe-7c00-7a00-8000-00000000abcd"
ITEM: dict[str, Any] = {"merchant_id": MERCHANT, "amount": 7, "reference_type": "export", "reference_id": "export-1"}
PURCHASE: dict[str, Any] = {"merchant_id": MERCHANT, "credits": 100, "purchase_id": "purchase-1"}
MATCH: dict[str, Any] = {
    "merchant_id": MERCHANT,
    "match_id": "match-1",
    "shopper_id": "shopper-1",
    "matched_items_count": 3,
}
TRIAL: dict[str, Any] = {"merchant_id": MERCHANT, "ends_at": "2026-02-28T00:00:00Z"}
CLAIM: dict[str, Any] = {"merchant_id": MERCHANT, "reference_type": "delivery", "reference_id": "delivery-1"}
OF_HOLD: dict[str, Any] = {"hold_reference_type": "job", "hold_reference_id": "job-1"}
OF_PURCHASE: dict[str, Any] = {"original_reference_type": "purchase", "original_reference_id": "purchase-1"}
COMMANDS: dict[str, dict[str, Any]] = {
    "credits.open_account": {
        "merchant_id": MERCHANT,
        "platform_name": "shopify",
        "platform_shop_id": "gid://shopify/Shop/1",
        "shop_domain": "shop.example.com",
    },
    "credits.start_trial": TRIAL,
    "credits.purchase": PURCHASE,
    "credits.grant": ITEM,
    "credits.consume_match": MATCH,
    "credits.consume": ITEM,
    "credits.consume_many": {"items": [ITEM]},
    "credits.hold": {**ITEM, "expires_in_s": 3600},
    "credits.capture": {**CLAIM, **OF_HOLD},
    "credits.release": {**CLAIM, **OF_HOLD},
    "credits.reverse": {**CLAIM, **OF_PURCHASE},
    "credits.change_shop": {
        "merchant_id": MERCHANT,
        "platform_name": "shopify",
        "platform_shop_id": "gid://shopify/Shop/2",
        "shop_domain": "other.example.com",
        "changed_at": "2026-02-28T00:00:00Z",
    },
}
EVENTS: dict[str, dict[str, Any]] = {
    "evt.merchant.created.v1": {
        "merchant_id": MERCHANT,
        "platform": "shopify",
        "shop_domain": "shop.example.com",
        "shop_gid": "gid://shopify/Shop/1",
    },
    "evt.billing.trial.started.v1": TRIAL,
    "evt.billing.credits.purchased.v1": PURCHASE,
    "evt.ai.match.completed.v1": MATCH,
}
VERBS = {
    "credits.open_account": "open_account",
    "credits.start_trial": "start_trial",
    "credits.purchase": "purchase",
    "credits.grant": "grant",
    "credits.consume_match": "consume_match",
    "credits.consume": "consume",
    "credits.consume_many": "consume_many",
    "credits.hold": "hold",
    "credits.capture": "capture",
    "credits.release": "release",
    "credits.reverse": "reverse",
    "credits.change_shop": "change_shop",
    "evt.merchant.created.v1": "merchant_created",
    "evt.billing.trial.started.v1": "trial_started",
    "evt.billing.credits.purchased.v1": "credits_purchased",
    "evt.ai.match.completed.v1": "match_completed",
}


def match(number: int) -> dict[str, Any]:
    """The fields of one of many matches."""
    return {**MATCH, "match_id": f"match-{number}"}
