"""Erasing while the ledger works: what is just being applied is met where it arrives."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connections
from django.db.transaction import atomic
from django.utils import timezone

from ledger.journal.load import load
from ledger.journal.outbox import record_message
from ledger.journal.outbox_upkeep import park_stuck
from ledger.journal.redaction import redact_shopper
from ledger.journal.write import write
from ledger.models import OutboxBatch, OutboxRow, Transaction
from ledger.policy import current_policy
from ledger.rules import plan
from tests.ledger.builders import consume_match, open_account, requests
from tests.ledger.raw_sql import on_postgresql, somebody_waits_for_us
from tests.ledger.stored import SHOPPER, sent_again_of, tables_naming, task_message, waiting_of
from tests.processes import eventually

pytestmark = pytest.mark.servers


@on_postgresql
@pytest.mark.usefixtures("own_database")
def test_a_waiting_command_that_is_applied_meanwhile_is_redacted_where_it_was_posted():
    command = waiting_of()[0]
    opening = requests(open_account(merchant_id=command.merchant_id))

    with ThreadPoolExecutor(1) as pool:
        with atomic():
            books = load(opening, current_policy())
            planned = plan(opening, books, current_policy())
            redacting = pool.submit(redact)
            eventually(somebody_waits_for_us, timeout_seconds=10)
            write(planned, now=books.now, account_wait=settings.ACCOUNT_WAIT)
        redacting.result()

    assert Transaction.objects.get(reference_type="match").metadata == {}
    assert tables_naming(SHOPPER) == set()


@on_postgresql
@pytest.mark.usefixtures("own_database")
def test_a_message_that_goes_to_another_batch_meanwhile_is_redacted_there():
    published, _ = sent_again_of()
    again = OutboxBatch(destination="message", size=1, publish_after=timezone.now())

    with ThreadPoolExecutor(1) as pool:
        with atomic():
            OutboxRow.objects.filter(id=published.id).update(batch=again.id)
            again.save(force_insert=True)
            redacting = pool.submit(redact)
            eventually(somebody_waits_for_us, timeout_seconds=10)
        redacting.result()

    assert tables_naming(SHOPPER) == set()


@on_postgresql
@pytest.mark.usefixtures("own_database")
def test_a_message_that_is_parked_out_of_the_outbox_meanwhile_is_redacted_there():
    message = task_message(consume_match(shopper_id=SHOPPER))
    with atomic():
        stuck = record_message(queue=message.queue, message=message.as_text(), correlation_id="c", at=timezone.now())
    parked = []

    def parking(execute, sql, *further):
        if sql.startswith("SELECT") and '"credit_outbox"' in sql and not parked:  # the parked ones have been looked at
            parked.extend(pool.submit(park_on_its_own, stuck).result())
        return execute(sql, *further)

    with ThreadPoolExecutor(1) as pool, connections["default"].execute_wrapper(parking):
        redact_shopper(SHOPPER, actor="anna", reason="asked for by the data protection officer")

    assert parked == [stuck]
    assert tables_naming(SHOPPER) == set()


def park_on_its_own(id_):
    try:
        return park_stuck([id_])
    finally:
        connections["default"].close()


def redact():
    try:
        return redact_shopper(SHOPPER, actor="anna", reason="asked for by the data protection officer")
    finally:
        connections["default"].close()
