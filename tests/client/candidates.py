"""Values at and around the edge of every rule, by field: what the client and the service must agree on."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.client.examples import ITEM, MERCHANT

NOT_TEXT: list[Any] = [None, 5, 5.0, True, b"bytes", ["x"], {"x": 1}]
UNPRINTABLE = ["a\x00", "\n", "a\tb", "\x1f", "\x7f", "\x85", "\x9f", "\ud800", "\udfff"]
TEXTS = [
    "",
    " ",
    "x",
    "x" * 255,
    "x" * 256,
    "😀" * 255,
    "😀" * 256,
    "\u200b",
    "\u2028",
    "\xa0",
    *UNPRINTABLE,
    *NOT_TEXT,
]
IDS = [
    MERCHANT,
    MERCHANT.upper(),
    UUID(MERCHANT),
    MERCHANT.replace("-", ""),
    "{" + MERCHANT + "}",
    "urn:uuid:" + MERCHANT,
    MERCHANT + "\n",
    MERCHANT[:-1],
    MERCHANT[:-1] + "g",
    MERCHANT[:-1] + "\u0661",
    "",
    *NOT_TEXT,
]
INTEGERS = [0, 1, -1, 2, 10**12, 10**12 + 1, 2**63, 10**30, True, False, "5", 5.0, 1e3, math.nan, Decimal(5), None, [1]]
PLATFORMS = [
    *("shopify", "bigcommerce", "woocommerce", "magento", "squarespace", "custom"),
    *("Shopify", "SHOPIFY", "etsy", "", "shopify ", " shopify", "\u212austom", "\u017fhopify", *NOT_TEXT),
]
DOMAINS = [
    *("shop.example.com", "SHOP.Example.COM", "a.b", "1.2.3.4", "xn--mnchen-3ya.de", "a-b.c-d.com", "a." * 126 + "b"),
    *("x" * 63 + ".com", "x" * 64 + ".com", ".".join(["x" * 60] * 5), "localhost", "a..b", ".a.b", "a.b.", "-a.com"),
    *("a-.com", "a.com-", "a_b.com", "exa mple.com", "münchen.de", "shop.example.com\n", "http://a.com", "a.com/x"),
    *("sho\u212a.example.com", "\uff41.com", "", *UNPRINTABLE, *NOT_TEXT),
]
REFERENCE_TYPES = [
    *("a", "a" * 64, "a" * 65, "a-b_c.9", "A", "a b", "é", "", "a\n", "\u0661", "purchase", "match", "trial", "expire"),
    *("adjust", "reverse", "retry", "activate", "import", "Trial", "trial.", *UNPRINTABLE, *NOT_TEXT),
]
DESCRIPTIONS = ["", "x", "x" * 1000, "x" * 1001, "é" * 1000, *UNPRINTABLE, *NOT_TEXT]


def nested(levels: int) -> dict[str, Any]:
    """Metadata of so many levels, the outermost counted."""
    inner: Any = 1
    for _ in range(levels):
        inner = {"x": inner}
    return {"x": inner}


METADATA: list[Any] = [
    *({}, {"a": 1}, {"a": None, "b": [1, 2.5, "x", {"c": False}]}, {"": ""}, {"é": "ü"}, {"a": -0.0}, {"a": 10**400}),
    *({"a": 10**4299}, {"a": 10**4300}, {"a": math.nan}, {"a": math.inf}, {"a": [-math.inf]}, {"a": 1e308}),
    *({"a": "x" * 8184}, {"a": "x" * 8185}, {"a": "é" * 4092}, {"a": "é" * 4093}, {"x" * 8184: 1}, {"a": [1] * 4093}),
    *(nested(97), nested(98), nested(99), nested(100), nested(101), nested(500)),
    *({"a": text} for text in UNPRINTABLE),
    *({text: 1} for text in UNPRINTABLE),
    *({"a": [{"b": text}]} for text in UNPRINTABLE),
    *({"a": b"x"}, {"a": Decimal(1)}, {"a": UUID(MERCHANT)}, {"a": date(2026, 1, 1)}, {"a": {1, 2}}, {"a": object()}),
    *({"__type__": "uuid", "__value__": {"hex": "0" * 32}}, {"a": {"__type__": "decimal", "__value__": "1"}}),
    *({"a": [{"__type__": "bytes", "__value__": "x"}]}, {"a": {"__type__": "never heard of", "__value__": 1}}),
    *({"__type__": "x"}, {"__type__": "x", "__value__": 1, "more": 1}, {"a": {"__value__": 1}}),
    *(None, [], "{}", 5, True, [["a", 1]]),
]
MOMENTS = [
    *("2026-02-28T00:00:00Z", "2026-02-28t00:00:00z", "2026-02-28T00:00:00+02:00", "2026-02-28T00:00:00.123456Z"),
    *(
        "2026-02-28T00:00:00.1234567Z",
        "2026-02-28T00:00:00.Z",
        "2026-02-28T00:00Z",
        "2026-02-28",
        "2026-02-28 00:00:00Z",
    ),
    *("2026-02-28T00:00:00", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-02-28T24:00:00Z", "1772236800"),
    *("2026-02-28T23:59:60Z", "2026-02-28T00:00:00+24:00", "2026-02-28T00:00:00+23:59", "2026-02-28T00:00:00+0200"),
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z", ""),
    *("2026-02-28T00:00:00Z\n", "20260228T000000Z", "P1D", "tomorrow", "2026-02-28T00:00:00\u2212" + "02:00"),
    *(1772236800, 1772236800.5, True, None, b"2026-02-28T00:00:00Z", Decimal(1), date(2026, 2, 28), timedelta(1), []),
    *(
        datetime(2026, 2, 28, tzinfo=UTC),
        datetime(2026, 2, 28),  # noqa: DTZ001  (the rule is that it is refused)
        datetime(2026, 2, 28, tzinfo=timezone(timedelta(hours=2))),
    ),
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
]
ITEMS: list[Any] = [
    *([ITEM], [ITEM] * 500, [ITEM] * 501, [], [ITEM, ITEM], {}, None, "items", ITEM, [None], ["x"], [[]], [{}]),
    *([ITEM, {**ITEM, "amount": 0}], [{**ITEM, "amount": True}], [{**ITEM, "task": "x"}], [{**ITEM, "metadata": None}]),
    *([{**ITEM, "correlation_id": "c"}], [{**ITEM, "correlation_id": ""}], [{**ITEM, "reference_type": "trial"}]),
    *([{name: value for name, value in ITEM.items() if name != gone}] for gone in ITEM),
]
CATEGORIES = ["paid", "promotional", "Paid", "", "free", *UNPRINTABLE, *NOT_TEXT]
SHORTFALLS = ["decline", "take_what_is_left", "Decline", "", "take", *NOT_TEXT]
SMALL_INTEGERS = [*INTEGERS, 50, 99, 100, 101, 30 * 86400, 30 * 86400 + 1]
BY_FIELD: dict[str, list[Any]] = {
    "merchant_id": IDS,
    "platform_name": PLATFORMS,
    "platform": PLATFORMS,
    "platform_shop_id": TEXTS,
    "shop_gid": TEXTS,
    "shop_domain": DOMAINS,
    "ends_at": MOMENTS,
    "credits": INTEGERS,
    "amount": INTEGERS,
    "matched_items_count": INTEGERS,
    "purchase_id": TEXTS,
    "match_id": TEXTS,
    "shopper_id": TEXTS,
    "reference_type": REFERENCE_TYPES,
    "reference_id": TEXTS,
    "description": DESCRIPTIONS,
    "metadata": METADATA,
    "correlation_id": TEXTS,
    "items": ITEMS,
    "changed_at": MOMENTS,
    "effective_at": MOMENTS,
    "expires_at": MOMENTS,
    "category": CATEGORIES,
    "priority": SMALL_INTEGERS,
    "expires_in_s": SMALL_INTEGERS,
    "on_shortfall": SHORTFALLS,
    "hold_reference_type": REFERENCE_TYPES,
    "hold_reference_id": TEXTS,
    "original_reference_type": REFERENCE_TYPES,
    "original_reference_id": TEXTS,
}
