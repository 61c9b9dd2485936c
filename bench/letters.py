"""The letters: single messages of every way in, each with what must become of it, and the mix that a shop day is."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from uuid import NAMESPACE_DNS, UUID, uuid5

import amqp

from bench import merchants
from bench.backlog import Kwargs, task_message

COMMANDS = "credits.commands"
EVENTS = "glam.events"
POSTED_MATCH, DECLINED_MATCH, POSTED_PURCHASE = "match posted", "match declined", "purchase posted"
CREDITS = 7
THRESHOLD = 100  # of a low balance, as the service has it where nobody sets it
POOR = 10
# Of 100 messages: mostly deliveries that are charged for, some purchases, some merchants who have run out.
SHARES = {"match": 80, "match_event": 10, "purchase": 5, "purchase_event": 3, "declined": 2}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, where it goes, the reference that its row will have, and what that row will be."""

    exchange: str
    routing_key: str
    message: amqp.Message
    reference: tuple[str, str]
    becomes: str


Maker = Callable[[str, UUID], Letter]  # of a name, which its reference is made of, and a merchant


def match(name: str, merchant: UUID) -> Letter:
    """A delivered match, as a task: queue credits.consume."""
    return _task("credits.consume_match", _match(name, merchant), ("match", name), POSTED_MATCH)


def match_event(name: str, merchant: UUID) -> Letter:
    """The same as a plain event: queue credits.inbound.matches."""
    return _event("evt.ai.match.completed.v1", _match(name, merchant), ("match", name), POSTED_MATCH)


def declined(name: str, merchant: UUID) -> Letter:
    """A match that a merchant without credits is charged for."""
    return _task("credits.consume_match", _match(name, merchant), ("match", name), DECLINED_MATCH)


def purchase(name: str, merchant: UUID) -> Letter:
    """A purchase, as a task: queue credits.grants."""
    return _task("credits.purchase", _purchase(name, merchant), ("purchase", name), POSTED_PURCHASE)


def purchase_event(name: str, merchant: UUID) -> Letter:
    """The same as a plain event: queue credits.inbound."""
    return _event("evt.billing.credits.purchased.v1", _purchase(name, merchant), ("purchase", name), POSTED_PURCHASE)


def poor(number: int) -> UUID:
    """A merchant whose account is open and has no credits."""
    return uuid5(NAMESPACE_DNS, f"poor-{number}.example.com")


def thin(number: int) -> UUID:
    """A merchant whose balance one match takes below the threshold, which is told through credits.notifications."""
    return uuid5(NAMESPACE_DNS, f"thin-{number}.example.com")


def openings(*, thins: int) -> tuple[list[Kwargs], list[Kwargs]]:
    """The arguments of open_account for the poor and so many of the thin, and of the purchases that make these thin."""
    opened = [_shop(merchant) for merchant in [*map(poor, range(POOR)), *map(thin, range(thins))]]
    bought = [
        {"merchant_id": str(thin(number)), "credits": THRESHOLD, "purchase_id": f"thin-{number}"}
        for number in range(thins)
    ]
    return opened, bought


def mix(name: str) -> Iterator[Letter]:
    """Letters without end in the shares above, the same for the same name, their references beginning with it."""
    chance = Random(name)
    kinds, weights = list(SHARES), list(SHARES.values())
    makers = {"match": match, "match_event": match_event, "purchase": purchase, "purchase_event": purchase_event}
    number = 0
    while True:
        for kind in chance.choices(kinds, weights, k=1_000):
            number += 1
            if kind == "declined":
                yield declined(f"{name}-{number}", poor(chance.randrange(POOR)))
            else:
                yield makers[kind](f"{name}-{number}", merchants.merchant_id(chance.randrange(merchants.COUNT)))


def _match(name: str, merchant: UUID) -> Kwargs:
    return {"merchant_id": str(merchant), "match_id": name, "shopper_id": "shopper-7", "matched_items_count": 4}


def _purchase(name: str, merchant: UUID) -> Kwargs:
    return {"merchant_id": str(merchant), "credits": CREDITS, "purchase_id": name}


def _shop(merchant: UUID) -> Kwargs:
    return {
        "merchant_id": str(merchant),
        "platform_name": merchants.PLATFORM,
        "platform_shop_id": str(merchant),
        "shop_domain": f"{merchant}.example.com",
    }


def _task(task: str, kwargs: Kwargs, reference: tuple[str, str], becomes: str) -> Letter:
    named = {**kwargs, "correlation_id": reference[1]}  # which the events that come of it will carry
    return Letter(COMMANDS, task, task_message(task, named), reference, becomes)


def _event(event_type: str, data: Kwargs, reference: tuple[str, str], becomes: str) -> Letter:
    body = {"event_type": event_type, "correlation_id": reference[1], "source_service": "bench", "data": data}
    message = amqp.Message(json.dumps(body), content_type="application/json", content_encoding="utf-8", delivery_mode=2)
    return Letter(EVENTS, event_type, message, reference, becomes)
