"""python -m bench.open_accounts: opens every merchant's account in DATABASE_URL, with three open lots."""

import django

django.setup()

from bench import merchants  # noqa: E402  (Django's tables are there only now)
from ledger.commands import Command, Grant, OpenAccount, Purchase  # noqa: E402
from ledger.journal.outbox import mark  # noqa: E402
from ledger.journal.post import post_batch  # noqa: E402
from ledger.requests import Request  # noqa: E402
from ledger.rules.batch import Waiting  # noqa: E402


def commands(number: int) -> list[Command]:
    """What opens the account of one merchant."""
    merchant = merchants.merchant_id(number)
    return [
        OpenAccount(
            merchant_id=merchant,
            platform_name=merchants.PLATFORM,
            platform_shop_id=str(number),
            shop_domain=merchants.domain(number),
        ),
        Purchase(merchant_id=merchant, credits=merchants.CREDITS, purchase_id=f"bench-{number}"),
        *(
            Grant(
                merchant_id=merchant, amount=merchants.CREDITS, reference_type="bench", reference_id=f"{lot}-{number}"
            )
            for lot in ("promotion", "goodwill")
        ),
    ]


def main() -> None:
    """Post all in one batch; its events are not a benchmark's, so they count as published."""
    asked = [command for number in range(merchants.COUNT) for command in commands(number)]
    posted = post_batch([Waiting(Request(command, "bench")) for command in asked])
    mark(posted.recorded, confirmed={row.id for row in posted.recorded})


if __name__ == "__main__":
    main()
