"""Reading: what the credit service answers over HTTP, to other services and to a shop's BFF. See README.md."""

from credits_client.reading.answers import (
    Account,
    Became,
    Credits,
    Expiring,
    Hold,
    Lot,
    Parked,
    Stored,
    Transaction,
    Waiting,
)
from credits_client.reading.errors import NoAnswer, ReadRefused
from credits_client.reading.service import ServiceReader
from credits_client.reading.shop import ShopReader
from credits_client.reading.tokens import service_token, shop_token

__all__ = [
    "Account",
    "Became",
    "Credits",
    "Expiring",
    "Hold",
    "Lot",
    "NoAnswer",
    "Parked",
    "ReadRefused",
    "ServiceReader",
    "ShopReader",
    "Stored",
    "Transaction",
    "Waiting",
    "service_token",
    "shop_token",
]
