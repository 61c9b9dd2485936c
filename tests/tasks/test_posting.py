"""Posting: what came of a batch that is committed is told, whatever its senders wrote."""

from typing import Any

import pytest

from ledger.journal import post
from ledger.models import OutboxRow
from tasks.posting import post_requests
from tests.ledger.builders import grant, open_account, request
from tests.ledger.stored import task_message


@pytest.mark.parametrize(
    "traceparent", ["nonsense", "00-ID-\0", 5, f"00-{'0' * 31}-{'0' * 16}-01", f"00-{'é' * 32}-{'0' * 16}-01"]
)
def test_a_trace_that_is_none_is_left_out_and_the_command_is_applied(own_database: str, traceparent: Any) -> None:
    opening = open_account()
    waits = grant(merchant_id=opening.merchant_id)
    message = task_message(waits, traceparent=traceparent)
    post([request(waits, message=lambda: message)])

    posted = post_requests([request(opening)])

    assert [outcome.status for _, outcome in posted.decided] == ["posted", "posted"]
    assert set(OutboxRow.objects.values_list("traceparent", flat=True)) == {""}
