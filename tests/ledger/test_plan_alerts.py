"""The pure plan: which falls and recoveries of a balance are told, in which order, and with what."""

import pytest

from ledger.rules.state import Alerts, Policy
from tests.ledger.builders import consume, grant, merchant, open_account, request, start_trial
from tests.ledger.paper import PaperLedger

OURS = merchant(1)
THRESHOLD = 100

# How much the balance changes, and what is told of it but for granted, consumed and insufficient.
CROSSING = {
    "to the threshold exactly": [(200, ""), (-100, "")],
    "below it by one": [(200, ""), (-101, "low_balance")],
    "below it once only": [(200, ""), (-101, "low_balance"), (-1, ""), (-1, "")],
    "first credits below it are no recovery": [(50, ""), (10, "")],
    "first credits above it are no recovery": [(50, ""), (60, "")],
    "a first consumption below it": [(50, ""), (-1, "low_balance")],
    "to nothing from above": [(200, ""), (-200, "low_balance exhausted")],
    "to nothing when low already": [(200, ""), (-150, "low_balance"), (-50, "exhausted")],
    "not recovered by one": [(100, ""), (-1, "low_balance"), (-1, ""), (1, "")],
    "recovered to the threshold exactly": [(100, ""), (-1, "low_balance"), (1, "recovered")],
    "recovered once only": [(100, ""), (-1, "low_balance"), (1, "recovered"), (1, "")],
    "told again after a recovery": [(100, ""), (-1, "low_balance"), (1, "recovered"), (-1, "low_balance")],
    "a declined consumption": [(100, ""), (-101, ""), (-1, "low_balance"), (-101, "")],
    "exhausted again": [(1, ""), (-1, "low_balance exhausted"), (1, ""), (-1, "exhausted")],
}
EVERY = {
    **CROSSING,
    "below it once only": [(200, ""), (-101, "low_balance"), (-1, "low_balance"), (-1, "low_balance")],
    "to nothing when low already": [(200, ""), (-150, "low_balance"), (-50, "low_balance exhausted")],
    "not recovered by one": [(100, ""), (-1, "low_balance"), (-1, "low_balance"), (1, "")],
    "exhausted again": [(1, ""), (-1, "low_balance exhausted"), (1, ""), (-1, "low_balance exhausted")],
}


def ledger_under(policy: Policy) -> PaperLedger:
    ledger = PaperLedger(policy)
    ledger.post(request(open_account(merchant_id=OURS, platform_name="magento")))
    return ledger


def move(ledger: PaperLedger, change: int) -> list[str]:
    """Move the balance; the alerts that were told, by their short names."""
    command = grant if change > 0 else consume
    before = len(ledger.events)
    ledger.post(request(command(merchant_id=OURS, amount=abs(change))))
    told = [event.event_type.split(".")[2] for _, event in ledger.events[before:]]
    assert told[0] in ("granted", "consumed", "insufficient")
    return told[1:]


@pytest.mark.parametrize("story", CROSSING.values(), ids=CROSSING)
def test_a_fall_is_told_once_until_the_balance_has_recovered(story):
    ledger = ledger_under(Policy(low_balance_threshold=THRESHOLD))

    told = [(change, " ".join(move(ledger, change))) for change, _ in story]

    assert told == story


@pytest.mark.parametrize("story", EVERY.values(), ids=EVERY)
def test_where_every_is_asked_for_each_consumption_below_the_threshold_is_told(story):
    ledger = ledger_under(Policy(low_balance_threshold=THRESHOLD, alerts=Alerts.EVERY))

    told = [(change, " ".join(move(ledger, change))) for change, _ in story]

    assert told == story


@pytest.mark.parametrize("alerts", Alerts)
def test_a_threshold_of_nothing_is_never_crossed(alerts):
    ledger = ledger_under(Policy(low_balance_threshold=0, alerts=alerts))

    told = [move(ledger, change) for change in (5, -5, 5)]

    assert told == [[], ["exhausted"], []]


def test_a_trial_can_be_what_brings_the_recovery():
    ledger = ledger_under(Policy(low_balance_threshold=THRESHOLD, trial_credits=500))
    move(ledger, 10)
    move(ledger, -1)

    ledger.post(request(start_trial(merchant_id=OURS)))

    assert [event.event_type for _, event in ledger.events[-2:]] == [
        "evt.credits.granted.v1",
        "evt.credits.recovered.v1",
    ]


def test_alerts_say_how_low_and_carry_the_numbers_of_their_cause():
    ledger = ledger_under(Policy(low_balance_threshold=THRESHOLD))
    for change in (120, -120, 100):
        move(ledger, change)

    events = [event for _, event in ledger.events]
    said = {event.event_type.split(".")[2]: event for event in events}
    whose = {"merchant_id": str(OURS), "platform_name": "magento"}
    assert said["low_balance"].data == {**whose, "balance": 0, "threshold": THRESHOLD}
    assert said["exhausted"].data == whose
    assert said["recovered"].data == {**whose, "balance": 100, "threshold": THRESHOLD}
    assert [event.account_sequence for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.transaction_sequence for event in events] == [1, 2, 2, 2, 3, 3]
    assert len({event.event_id for event in events}) == 6
