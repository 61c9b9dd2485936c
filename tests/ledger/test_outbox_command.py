"""`manage.py outbox`: what is stuck, what is published again, what is parked instead."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from ledger.journal import post
from ledger.journal.outbox import lease_unpublished, mark, record_message
from ledger.messages import Message
from ledger.models import OutboxBatch, OutboxRow, ParkedMessage
from tests.ledger.audited import assert_books_are_right
from tests.ledger.books import story
from tests.ledger.builders import consume, opened_account, requests
from tests.ledger.outbox_rows import confirmed, refused

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def outbox(*options):
    """Run the command: its exit code and what it printed."""
    output = StringIO()
    try:
        call_command("outbox", *(str(option) for option in options), stdout=output, stderr=output)
    except SystemExit as end:
        return end.code, output.getvalue()
    return 0, output.getvalue()


def published(*, hours_ago):
    """Have every row that is not yet published so, some hours ago."""
    confirmed()
    OutboxBatch.objects.filter(published_at__gt=timezone.now() - HOUR / 2).update(
        published_at=timezone.now() - hours_ago * HOUR
    )


def stored_message(queue="credits.gone"):
    """A stored message that waits to be sent again."""
    message = Message(queue=queue, name="credits.consume", body=b"{}", headers={}, properties={})
    id_ = record_message(queue=queue, message=message.as_text(), correlation_id="corr", at=timezone.now() - HOUR)
    return OutboxRow.objects.get(id=id_)


def unpublished():
    return set(OutboxRow.objects.filter(batch__published_at=None).values_list("id", flat=True))


def test_what_was_published_since_a_moment_goes_again_as_it_was():
    account = opened_account(credits_bought=500)
    published(hours_ago=3)
    post(requests(consume(merchant_id=account.merchant_id)))
    (late,) = unpublished()
    body = OutboxRow.objects.get(id=late).body
    published(hours_ago=1)

    code, printed = outbox("republish", "--since", (timezone.now() - 2 * HOUR).isoformat())

    assert (code, printed) == (0, "1 will be published again by the sweep\n")
    assert unpublished() == {late}
    (leased,) = lease_unpublished(limit=10)
    assert (leased.id, leased.body) == (late, body)
    assert_books_are_right()
    assert not OutboxBatch.objects.filter(rows=None).exists()


def test_what_goes_again_may_find_listeners():
    opened_account(credits_bought=500)
    (row,) = OutboxRow.objects.all()
    confirmed(unrouted=[row.id])

    outbox("republish", "--since", (timezone.now() - HOUR).isoformat())

    assert not OutboxRow.objects.get().unrouted


def test_what_goes_again_is_marked_when_it_is_told_and_not_tried_for_ever():
    story()
    published(hours_ago=1)
    outbox("republish", "--since", (timezone.now() - 2 * HOUR).isoformat())

    confirmed()

    assert unpublished() == set()
    assert_books_are_right()


def test_a_dry_run_publishes_nothing():
    opened_account(credits_bought=500)
    published(hours_ago=1)

    _, printed = outbox("republish", "--since", (timezone.now() - 2 * HOUR).isoformat(), "--dry-run")

    assert printed == "1 would be published again\n"
    assert unpublished() == set()


def test_events_go_again_without_the_follow_ups_that_tell_people():
    story()
    published(hours_ago=1)

    outbox("republish", "--since", (timezone.now() - 2 * HOUR).isoformat(), "--only", "event")

    again = OutboxRow.objects.filter(batch__published_at=None)
    assert set(again.values_list("destination", flat=True)) == {"event"}
    assert OutboxRow.objects.filter(destination="task", batch__published_at__isnull=False).exists()


def test_more_than_a_batch_goes_again_once(monkeypatch):
    monkeypatch.setattr("ledger.management.commands.outbox.BATCH", 2)
    story()
    published(hours_ago=1)
    rows = OutboxRow.objects.count()

    _, printed = outbox("republish", "--since", (timezone.now() - 2 * HOUR).isoformat())

    assert printed == f"{rows} will be published again by the sweep\n"


def test_a_message_of_which_a_redaction_has_left_nothing_is_not_sent_again():
    emptied = stored_message()
    published(hours_ago=1)
    OutboxRow.objects.filter(id=emptied.id).update(body={})
    since = ("--since", (timezone.now() - 2 * HOUR).isoformat())

    assert outbox("republish", *since, "--dry-run")[1].startswith("0 ")
    assert outbox("republish", *since)[1].startswith("0 ")

    assert unpublished() == set()


def test_a_message_that_a_redaction_empties_meanwhile_is_not_sent_again():
    stored_message()
    published(hours_ago=1)

    def empties(execute, sql, *further):
        result = execute(sql, *further)
        if sql.startswith("SELECT") and "ORDER BY" in sql:  # what is to go again has been chosen
            OutboxRow.objects.update(body={})
        return result

    with connection.execute_wrapper(empties):
        _, printed = outbox("republish", "--since", (timezone.now() - 2 * HOUR).isoformat())

    assert printed.startswith("0 ")
    assert unpublished() == set()
    assert not OutboxBatch.objects.filter(published_at=None).exists()


def test_what_is_older_than_the_outbox_keeps_is_said_to_be_gone():
    _, printed = outbox("republish", "--since", "2020-01-01T00:00:00+00:00")

    assert "rows published before" in printed


def test_what_is_stuck_is_told_by_kind_and_error():
    row = stored_message()
    refused([row], error="no queue credits.gone")

    code, printed = outbox("stuck")

    assert code == 1
    assert printed.startswith("1 rows  message credits.gone  since ")
    assert printed.endswith(f"not swept yet  oldest {row.id}  no queue credits.gone\n")


def test_nothing_is_stuck_where_rows_are_young_or_published():
    opened_account(credits_bought=500)

    assert outbox("stuck") == (0, "nothing is stuck\n")


def test_a_stored_message_is_parked_and_an_event_is_owed():
    row = stored_message()
    refused([row], error="no queue credits.gone")
    opened_account(credits_bought=500)
    (event,) = unpublished() - {row.id}

    with pytest.raises(CommandError, match=f"left as they are, .*{event}"):
        outbox("park", row.id, event)

    parked = ParkedMessage.objects.get()
    assert (parked.state, parked.reason, parked.detail) == ("parked", "undeliverable", "no queue credits.gone")
    assert (parked.queue, parked.name, parked.body) == ("credits.gone", "credits.consume", "{}")
    assert unpublished() == {event}
    assert not OutboxBatch.objects.filter(rows=None).exists()


def test_of_messages_that_go_again_together_one_is_parked_and_the_other_goes():
    stuck, other = stored_message(), stored_message()
    published(hours_ago=1)
    outbox("republish", "--since", (timezone.now() - 2 * HOUR).isoformat())
    leased = lease_unpublished(limit=10)

    outbox("park", stuck.id)
    mark(leased, confirmed={other.id}, error="no queue credits.gone")

    assert unpublished() == set()
    assert set(OutboxRow.objects.values_list("id", flat=True)) == {other.id}
    assert not OutboxBatch.objects.filter(published_at=None).exists()
