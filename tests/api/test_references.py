"""What became of a reference, where it is hard to say: while it is applied, among many, in unusual characters."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ledger.journal import post
from ledger.journal.parking import ToPark, park
from ledger.models import ParkedMessage, Transaction
from ledger.outcomes import ParkReason
from ledger.parking import dismiss
from ledger.queries.references import SHOWN, what_became_of
from tests.api.services import SECRET, ask_as_service, service_token
from tests.api.shops import refusal
from tests.api.test_due import wait_until
from tests.ledger.builders import consume, consume_match, fresh, open_account, request, requests
from tests.ledger.stored import task_message


@pytest.fixture(autouse=True)
def _services_may_read(settings: Settings) -> None:
    settings.INTERNAL_JWT_SECRETS = (SECRET,)


def became(reference_type: str, reference_id: str) -> Any:
    asked = {"reference_type": reference_type, "reference_id": reference_id}
    return ask_as_service("/api/internal/references", **asked).json()["data"]


def open_and_hang_up(merchant_id: Any) -> None:
    post(requests(open_account(merchant_id=merchant_id)))
    connection.close()


def test_a_command_that_is_applied_while_it_is_asked_for_is_never_unknown(own_database: str) -> None:
    command = consume_match()
    post(requests(command))
    writers: list[Thread] = []

    def apply_after_the_transactions_are_read(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = run(sql, params, many, context)
        if not writers and Transaction._meta.db_table in sql:
            writers.append(Thread(target=open_and_hang_up, args=[command.merchant_id]))
            writers[0].start()
            writers[0].join()
        return result

    with connection.execute_wrapper(apply_after_the_transactions_are_read):
        meanwhile = what_became_of("match", command.match_id)

    assert meanwhile["status"] == "waiting"
    assert what_became_of("match", command.match_id)["status"] == "declined"


@pytest.mark.django_db
def test_one_whose_time_has_come_waits_for_its_account() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    command = consume_match()
    post([request(command, due_at=soon)])
    wait_until(soon)

    (waiting,) = became("match", command.match_id)["waiting"]

    assert waiting["waits_for"] == "account"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "reference_id", ["a\N{NO-BREAK SPACE}b", "a\N{IDEOGRAPHIC SPACE}b", "a\N{ZERO WIDTH JOINER}b", "é / ?&#"]
)
def test_whatever_a_reference_may_hold_is_found_where_it_is_parked(reference_id: str) -> None:
    command = consume(reference_id=reference_id)
    park([ToPark(message=task_message(command), reason=ParkReason.NO_ACCOUNT)])

    assert became(command.reference_type, reference_id)["status"] == "parked"


@pytest.mark.django_db
def test_one_that_is_still_parked_is_seen_behind_any_number_that_were_dismissed() -> None:
    reference_id = fresh("r")
    for amount in range(1, SHOWN + 2):
        message = task_message(consume(reference_id=reference_id, amount=amount))
        park([ToPark(message=message, reason=ParkReason.NO_ACCOUNT)])
    oldest, *newer = ParkedMessage.objects.order_by("id")
    dismiss([row.pk for row in newer], by="ann", reason="sent by mistake", at=timezone.now())

    found = became(consume().reference_type, reference_id)

    assert found["status"] == "parked"
    assert len(found["parked"]) == SHOWN
    assert [row["state"] for row in found["parked"]].index("parked") == 0
    assert datetime.fromisoformat(found["parked"][0]["first_seen_at"]) == oldest.first_seen_at


@pytest.mark.django_db
def test_a_body_that_is_too_long_is_refused_and_is_no_failure_of_ours() -> None:
    headers = {"Authorization": f"Bearer {service_token()}"}
    body = b'{"merchant_ids": ["' + b"x" * 3_000_000 + b'"]}'

    response = Client().post("/api/internal/credits", body, content_type="application/json", headers=headers)

    assert refusal(response) == (422, "VALIDATION_ERROR")
    (problem,) = response.json()["error"]["details"]["validation_errors"]
    assert (problem["field"], problem["type"]) == ("body", "too_long")
