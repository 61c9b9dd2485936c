"""Batches: each outbox row has the batch that says how far it has come, and one to be published has all its rows."""

from collections.abc import Iterator

from django.db.models import Count, Exists, F, OuterRef

from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import OutboxBatch, OutboxRow


def check_batches(scope: Scope) -> Iterator[Finding]:
    """A row without a batch would never be published, nor a batch marked that has fewer rows than it says."""
    rows = OutboxRow.objects if scope.merchant_id is None else scope.events
    lost = rows.filter(~Exists(OutboxBatch.objects.filter(pk=OuterRef("batch_id")))).order_by("id")
    for row in lost.values("id", "batch_id").iterator(chunk_size=CHUNK_ROWS):
        yield Finding(table="credit_outbox", row=row["id"], what="its batch", expected=row["batch_id"], found="none")
    if scope.merchant_id is not None:  # a batch is of many merchants
        return
    counted = OutboxBatch.objects.filter(published_at=None).annotate(counted=Count("rows")).exclude(counted=F("size"))
    for batch in counted.order_by("id").values("id", "size", "counted").iterator(chunk_size=CHUNK_ROWS):
        yield Finding(
            table="credit_outbox_batches",
            row=batch["id"],
            what="size of what is to be published",
            expected=batch["counted"],
            found=batch["size"],
        )
