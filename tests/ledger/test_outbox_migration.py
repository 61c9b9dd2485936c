"""What was in the outbox before there were batches: each row comes to be a batch, and knows how far it had come."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from ledger.journal import post
from ledger.journal.outbox import lease_unpublished
from ledger.models import OutboxBatch, OutboxRow
from tests.ledger.builders import grant, opened_account, requests
from tests.ledger.outbox_rows import each_apart, refused
from tests.ledger.raw_sql import execute


def progress() -> list[tuple]:
    """Of each row what its batch says of it."""
    batch = ("size", "destination", "publish_after", "published_at", "attempts", "last_error")
    return list(OutboxRow.objects.order_by("id").values_list("id", *(f"batch__{name}" for name in batch)))


@pytest.mark.slow
@pytest.mark.usefixtures("own_database")
def test_each_row_goes_back_and_forth_with_how_far_it_has_come():
    merchant_id = opened_account().merchant_id
    post(requests(*(grant(merchant_id=merchant_id) for _ in range(3))))
    each_apart()
    published, tried, _ = OutboxRow.objects.order_by("id")
    OutboxBatch.objects.filter(id=published.batch_id).update(published_at=timezone.now())
    OutboxBatch.objects.filter(id=tried.batch_id).update(attempts=4, publish_after=timezone.now())
    refused([tried], error="no exchange")
    before = progress()

    call_command("migrate", "ledger", "0010", verbosity=0)
    (unpublished,) = execute("SELECT count(*) FROM credit_outbox WHERE published_at IS NULL")
    call_command("migrate", "ledger", verbosity=0)

    assert unpublished == (2,)
    assert progress() == before
    assert [row.id for row in lease_unpublished(limit=10)] == [tried.id]
