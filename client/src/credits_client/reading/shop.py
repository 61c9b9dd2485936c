"""What a shop's BFF may ask the credit service about its shop."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from credits_client.reading.answers import Answer, Credits, Hold, Lot, Transaction
from credits_client.reading.http import ATTEMPTS, Conversation
from credits_client.reading.tokens import Token

One = TypeVar("One", bound=Answer)


class ShopReader(Conversation):
    """One shop's credits. Its token is shop_token(…)'s, of that shop.

    Every read raises ReadRefused where the service refuses, NoAnswer where it can't be had.
    """

    def __init__(
        self,
        base_url: str,
        *,
        platform_name: str,
        shop_domain: str,
        token: Token,
        timeout_s: float = 5.0,
        attempts: int = ATTEMPTS,
    ) -> None:
        super().__init__(base_url, token=token, timeout_s=timeout_s, attempts=attempts)
        self._headers = {"X-Shop-Platform": platform_name, "X-Shop-Domain": shop_domain}

    def credits(self) -> Credits:
        """The balance, what of it is available, and the totals."""
        return Credits.model_validate(self._ask("GET", "/api/credits", headers=self._headers)["data"])

    def balance_at(self, at: datetime) -> int:
        """The balance at an instant that is over."""
        asked = {"at": at.isoformat()}
        envelope = self._ask("GET", "/api/credits/balance", headers=self._headers, params=asked)
        return int(envelope["data"]["balance"])

    def transactions(self, **filters: Any) -> Iterator[Transaction]:
        """All posted transactions, newest first, page by page; filters are those of the contract, §4."""
        return self._walk(Transaction, "/api/credits/transactions", {"limit": 1000, **filters})

    def lots(self, *, status: str = "open") -> Iterator[Lot]:
        """The open lots in the order in which they burn, or the closed ones."""
        return self._walk(Lot, "/api/credits/lots", {"status": status, "limit": 1000})

    def holds(self, *, status: str = "open") -> Iterator[Hold]:
        """The open holds, the first to run out first, or the closed ones."""
        return self._walk(Hold, "/api/credits/holds", {"status": status, "limit": 1000})

    def _walk(self, shape: type[One], path: str, query: dict[str, Any]) -> Iterator[One]:
        """Every row of a list, along links.next."""
        envelope = self._ask("GET", path, headers=self._headers, params=query)
        while True:
            for row in envelope["data"]:
                yield shape.model_validate(row)
            address = envelope["links"]["next"]
            if address is None:
                return
            envelope = self._ask("GET", address, headers=self._headers)
