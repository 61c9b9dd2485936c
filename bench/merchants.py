"""The merchants: 1,000 accounts, each with three open lots of more credits than a benchmark can spend."""

from typing import Final
from uuid import NAMESPACE_DNS, UUID, uuid5

COUNT = 1_000
CREDITS = 10**9
PLATFORM: Final = "shopify"


def domain(number: int) -> str:
    """The shop's domain of the merchant of this number, 0 to COUNT - 1."""
    return f"shop-{number}.example.com"


def merchant_id(number: int) -> UUID:
    """The id of the merchant of this number."""
    return uuid5(NAMESPACE_DNS, domain(number))
