"""What a time in a command may be (docs/contract.md §1): RFC 3339 with its zone, and nothing else."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ledger.commands import StartTrial
from tests.ledger.complete import accepted, refused_field


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-02-28T00:00:00Z", datetime(2026, 2, 28, tzinfo=UTC)),
        ("2026-02-28t00:00:00z", datetime(2026, 2, 28, tzinfo=UTC)),
        ("2026-02-28T00:00:00.5Z", datetime(2026, 2, 28, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-02-28T00:00:00.123456789Z", datetime(2026, 2, 28, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-02-28T01:30:00+01:30", datetime(2026, 2, 28, tzinfo=UTC)),
        ("2026-02-27T19:00:00-05:00", datetime(2026, 2, 28, tzinfo=UTC)),
        ("2026-02-28T00:00:00-00:00", datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2026, 2, 28, 1, tzinfo=timezone(timedelta(hours=1))), datetime(2026, 2, 28, tzinfo=UTC)),
    ],
    ids=str,
)
def test_a_time_of_rfc_3339_is_kept_in_utc(given, moment):
    ends_at = accepted(StartTrial, ends_at=given).ends_at

    assert (ends_at, ends_at.utcoffset()) == (moment, timedelta(0))


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-28T00:00:00",
        "2026-02-28",
        "2026-02-28T00:00Z",
        "2026-02-28 00:00:00Z",
        "2026-02-28_00:00:00Z",
        "2026-02-28T00:00:00+0100",
        "2026-02-28T00:00:00+01",
        "2026-02-28T00:00:00,5Z",
        "2026-02-28T00:00:00.Z",
        "2026-02-30T00:00:00Z",
        "2026-02-28T24:00:00Z",
        "2026-02-28T00:00:00+24:00",
        "20260228T000000Z",
        "2026-02-28T00:00:00Z\n",
        " 2026-02-28T00:00:00Z",
        "2026-02-28T00:00:00 UTC",
        "\u0662026-02-28T00:00:00Z",
        "9999-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00+00:01",
        "tomorrow",
        "",
        "1772236800",
        1772236800,
        1772236800.0,
        True,
        datetime(2026, 2, 28),  # noqa: DTZ001  (without its zone is the point)
    ],
    ids=repr,
)
def test_what_is_no_time_of_rfc_3339_with_a_zone_is_refused(value):
    assert refused_field(StartTrial, ends_at=value) == ("ends_at",)


def test_a_command_that_was_stored_is_the_same_when_it_is_read_again():
    command = accepted(StartTrial, ends_at="2026-02-28T01:00:00.000001+01:00")

    assert StartTrial.model_validate(json.loads(json.dumps(command.model_dump(mode="json")))) == command
