"""GET /api/credits on an account on which something has fallen due that nobody has posted."""

import time
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from ledger.journal import post
from ledger.journal.post import post_batch
from ledger.models import Account, Transaction
from tests.api.shops import TRANSACTIONS, ask_for
from tests.ledger.builders import capture, grant, hold, opened_account, requests

pytestmark = pytest.mark.django_db

FIGURES = ("balance", "available", "held", "total_granted", "total_consumed", "total_expired")


def credits_of(account: Account) -> dict[str, int]:
    data = ask_for(account).json()["data"]
    return {name: data[name] for name in FIGURES}


def wait_until(moment: datetime) -> None:
    while timezone.now() <= moment:
        time.sleep(0.01)


def test_what_is_held_is_not_available() -> None:
    account = opened_account(credits_bought=100)
    held = hold(merchant_id=account.merchant_id, amount=30)
    post(requests(held))

    assert credits_of(account)["available"] == 70
    post(requests(capture(held, amount=10)))
    assert credits_of(account) == dict(zip(FIGURES, (90, 90, 0, 100, 10, 0), strict=True))


@pytest.mark.slow
def test_reads_count_in_what_is_due_and_history_does_not() -> None:
    account = opened_account(credits_bought=100)
    credits_of(account)  # the first request of a process loads the whole API, for longer than what follows may wait
    soon = timezone.now() + timedelta(seconds=1)
    of_ours = {"merchant_id": account.merchant_id}
    post(
        requests(
            grant(**of_ours, amount=7, expires_at=soon),
            grant(**of_ours, amount=50, effective_at=soon),
            hold(**of_ours, amount=30, expires_in_s=3),
        )
    )
    before = credits_of(account)
    runs_out = timezone.now() + timedelta(seconds=3)
    wait_until(soon)

    # 7 were held of the lot that expires: they expire with the hold, not under it.
    assert before == dict(zip(FIGURES, (107, 77, 30, 107, 0, 0), strict=True))
    assert credits_of(account) == dict(zip(FIGURES, (157, 127, 30, 157, 0, 0), strict=True))
    wait_until(runs_out)
    due = credits_of(account)
    assert due == dict(zip(FIGURES, (150, 150, 0, 157, 0, 7), strict=True))
    assert ask_for(account, TRANSACTIONS).json()["pagination"]["total"] == 2
    assert Transaction.objects.filter(kind="expire").count() == 0

    post_batch([], merchants=[account.merchant_id])

    assert credits_of(account) == due
    assert ask_for(account, TRANSACTIONS).json()["pagination"]["total"] == 4
