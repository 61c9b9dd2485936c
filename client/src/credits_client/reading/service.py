"""What one service may ask the credit service about any merchant."""

from collections.abc import Iterable
from itertools import islice
from uuid import UUID

from credits_client.reading.answers import Account, Became
from credits_client.reading.errors import ReadRefused
from credits_client.reading.http import Conversation

AT_ONCE = 500


class ServiceReader(Conversation):
    """Balances, availability, and what became of references. Its token is service_token(…)'s.

    Every read raises ReadRefused where the service refuses, NoAnswer where it can't be had.
    """

    def account(self, merchant_id: UUID, *, amount: int | None = None) -> Account | None:
        """The merchant's account as it is now, or None; with an amount, whether so many credits are available."""
        wanted = {} if amount is None else {"amount": amount}
        try:
            envelope = self._ask("GET", f"/api/internal/credits/{merchant_id}", params=wanted)
        except ReadRefused as refused:
            if refused.code == "CREDIT_ACCOUNT_NOT_FOUND":
                return None
            raise
        return Account.model_validate(envelope["data"])

    def accounts(self, merchant_ids: Iterable[UUID], *, amount: int | None = None) -> dict[UUID, Account | None]:
        """The accounts of any number of merchants, by merchant, 500 to a request."""
        found: dict[UUID, Account | None] = {}
        ids = iter(merchant_ids)
        while some := [str(merchant_id) for merchant_id in islice(ids, AT_ONCE)]:
            body = {"merchant_ids": some, "amount": amount}
            for row in self._ask("POST", "/api/internal/credits", json=body)["data"]:
                account = row["account"]
                found[UUID(row["merchant_id"])] = account and Account.model_validate(account)
        return found

    def is_sufficient(self, merchant_id: UUID, amount: int) -> bool:
        """Whether so many credits can be consumed or held now. Only a hold makes sure that they still can be later."""
        account = self.account(merchant_id, amount=amount)
        return account is not None and bool(account.sufficient)

    def what_became_of(self, reference_type: str, reference_id: str) -> Became:
        """What became of the commands that were sent with a reference."""
        asked = {"reference_type": reference_type, "reference_id": reference_id}
        return Became.model_validate(self._ask("GET", "/api/internal/references", params=asked)["data"])
