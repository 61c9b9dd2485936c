"""The demonstration's story, told to a merchant whose credits are a number in this test."""

import pytest

from creditsvc.demo.story import Step, story
from ledger.fields import MAX_AMOUNT

CONSUMED_AT_ONCE = "consumes what is beyond them"


class Merchant:
    """A merchant who has some credits, and is declined when they are less than a consumption asks for."""

    def __init__(self, credits_: int) -> None:
        self.credits = credits_
        self.is_frozen = False

    def available(self) -> int:
        return self.credits

    def consume(self, step: Step) -> None:
        items = step.fields.get("items", [step.fields])
        amounts = [item.get("amount", 1) for item in items if step.task.startswith("credits.consume")]
        for amount in amounts:
            if amount <= self.credits and not self.is_frozen:
                self.credits -= amount


def until_one_too_many(merchant: Merchant) -> list[Step]:
    """The steps of a later chapter up to the match that is declined, each of them carried out."""
    steps = []
    for step in story(chapter=2, available=merchant.available):
        if step.fields.get("match_id") == "match-2-one-too-many":
            return steps
        merchant.consume(step)
        steps.append(step)
    raise AssertionError("the story has no match that is one too many")


def items_of(steps: list[Step]) -> int:
    return sum(len(step.fields.get("items", ())) for step in steps)


@pytest.mark.parametrize("balance", [20_160, 10**9, 3 * MAX_AMOUNT])
def test_a_large_balance_is_consumed_in_a_few_messages(balance: int) -> None:
    merchant = Merchant(balance)

    steps = until_one_too_many(merchant)

    assert merchant.credits == 0
    assert len(steps) <= 20
    assert items_of(steps) == 600


def test_a_balance_of_the_storys_own_is_consumed_by_matches_alone() -> None:
    merchant = Merchant(550)

    steps = until_one_too_many(merchant)

    assert merchant.credits == 0
    assert items_of(steps) == 547
    assert not [step for step in steps if CONSUMED_AT_ONCE in step.title]


def test_no_matches_are_sent_for_credits_that_were_taken_out_meanwhile() -> None:
    merchant = Merchant(550)
    sent = []

    for step in story(chapter=2, available=merchant.available):
        sent.append(step)
        if step.task == "credits.consume_many":
            merchant.credits = 0

    assert items_of(sent) == 100


def test_the_story_of_a_frozen_account_ends() -> None:
    merchant = Merchant(20_000)
    merchant.is_frozen = True

    steps = until_one_too_many(merchant)

    assert items_of(steps) <= 1_200
