"""One merchant's story: signs up, tries, buys, is matched to the last credit, tops up, holds; and what goes wrong."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from ledger.fields import MAX_AMOUNT

SHOP_DOMAIN = "glam-boutique.example.com"
MERCHANT_ID = str(uuid5(NAMESPACE_DNS, SHOP_DOMAIN))
MATCHES_AT_ONCE = 100
MATCHES_AT_MOST = 600  # of the story's own there are 547 or fewer; what staff have added beyond it is consumed at once
GRANT_LASTS = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the story, and in words what it is."""

    title: str
    task: str
    fields: Mapping[str, Any]


def story(*, chapter: int, available: Callable[[], int]) -> Iterator[Step]:
    """The steps of a chapter (1, 2, 3 …); available says how many credits the merchant has whenever it is asked.

    The first chapter's sign-up and trial are the same in every chapter, so that later ones replay them. There are some
    thirty steps at most, whatever the balance and whatever staff do meanwhile; one more for each 10**12 credits.
    """
    yield Step(
        "signs up",
        "credits.open_account",
        {
            "merchant_id": MERCHANT_ID,
            "platform_name": "shopify",
            "platform_shop_id": "gid://shopify/Shop/1",
            "shop_domain": SHOP_DOMAIN,
        },
    )
    yield Step("starts a trial", "credits.start_trial", {"merchant_id": MERCHANT_ID, "ends_at": "2030-01-01T00:00:00Z"})
    purchase = {"merchant_id": MERCHANT_ID, "credits": 50, "purchase_id": f"demo-order-{chapter}"}
    yield Step("buys 50 credits", "credits.purchase", purchase)
    for match in range(1, 4):
        yield _match(f"{chapter}-{match}")
    yield from _bulk(available, chapter)
    yield from _matches(available, down_to=99, name=f"{chapter}-low", title="is matched until low")
    yield from _matches(available, down_to=0, name=f"{chapter}-out", title="is matched until nothing is left")
    yield _match(f"{chapter}-one-too-many")
    yield Step(
        "tops up",
        "credits.purchase",
        {"merchant_id": MERCHANT_ID, "credits": 200, "purchase_id": f"demo-top-up-{chapter}"},
    )
    yield from _lots_and_holds(chapter)
    yield Step("the first order again: a replay", "credits.purchase", purchase)
    yield Step("the same order, another amount: a conflict", "credits.purchase", {**purchase, "credits": 60})
    yield Step("a malformed message", "credits.purchase", {**purchase, "credits": "fifty"})


def _lots_and_holds(chapter: int) -> Iterator[Step]:
    """Credits held, captured in part; a consumption, and its reversal; a grant that expires in seconds."""

    def movement(reference_type: str, **fields: Any) -> dict[str, Any]:
        reference = {"reference_type": reference_type, "reference_id": f"{reference_type}-{chapter}"}
        return {"merchant_id": MERCHANT_ID, **reference, **fields}

    yield Step("has 50 credits held", "credits.hold", movement("job", amount=50, expires_in_s=600))
    of_the_hold = {"hold_reference_type": "job", "hold_reference_id": f"job-{chapter}"}
    yield Step("is delivered less", "credits.capture", movement("delivery", amount=40, **of_the_hold))
    yield Step("exports a catalogue", "credits.consume", movement("export", amount=25))
    of_the_export = {"original_reference_type": "export", "original_reference_id": f"export-{chapter}"}
    yield Step("the export failed: reversed", "credits.reverse", movement("refund", **of_the_export))
    soon = (datetime.now(UTC) + GRANT_LASTS).isoformat()
    yield Step("is given 30 credits for a moment", "credits.grant", movement("goodwill", amount=30, expires_at=soon))


def _match(name: str) -> Step:
    fields = {
        "merchant_id": MERCHANT_ID,
        "match_id": f"match-{name}",
        "shopper_id": "shopper-7",
        "matched_items_count": 4,
    }
    return Step("is matched", "credits.consume_match", fields)


def _bulk(available: Callable[[], int], chapter: int) -> Iterator[Step]:
    """Consumptions of the credits beyond MATCHES_AT_MOST, as many to a message as it may ask for."""
    beyond = available() - MATCHES_AT_MOST
    for number, first in enumerate(range(0, beyond, MAX_AMOUNT), start=1):
        yield Step(
            f"has more than {MATCHES_AT_MOST} credits: consumes what is beyond them",
            "credits.consume",
            {
                "merchant_id": MERCHANT_ID,
                "amount": min(beyond - first, MAX_AMOUNT),
                "reference_type": "bulk",
                "reference_id": f"bulk-{chapter}-{number}",
            },
        )


def _matches(available: Callable[[], int], *, down_to: int, name: str, title: str) -> Iterator[Step]:
    """Consumptions of one credit each, many to a message, until no more than so many credits are available."""
    for first in range(0, MATCHES_AT_MOST, MATCHES_AT_ONCE):
        count = min(available() - down_to, MATCHES_AT_ONCE)
        if count <= 0:
            return
        items = [
            {
                "merchant_id": MERCHANT_ID,
                "amount": 1,
                "reference_type": "match",
                "reference_id": f"match-{name}-{number}",
                "description": "Match for shopper shopper-7",
            }
            for number in range(first, first + count)
        ]
        yield Step(f"{title} ({len(items)} matches in one message)", "credits.consume_many", {"items": items})
