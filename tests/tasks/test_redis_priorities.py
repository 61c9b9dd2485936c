"""Priorities on Redis: whatever a sender writes there, a message that is put back is not lost."""

from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest

from tasks.redis_envelopes import Channel


@pytest.mark.parametrize("priority", [inf, nan, "x", None, [], 10**400, 3, Decimal("1E999999999")])
def test_a_message_has_a_priority_whatever_is_written_there(priority: Any) -> None:
    channel = Channel.__new__(Channel)

    assert channel._get_message_priority({"properties": {"priority": priority}}, reverse=False) in range(10)
