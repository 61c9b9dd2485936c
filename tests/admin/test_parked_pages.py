"""Parked messages' pages: who may replay and dismiss there, and that the two need a form that was asked for."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledger.admin import parked as parked_pages
from ledger.admin import window
from ledger.messages import Message
from ledger.models import OutboxRow, ParkedAct, ParkedMessage, Transaction
from tests.admin.books import list_page, park_one, right_body, row_page, rows_of, task_message
from tests.ledger.builders import consume, opened_account
from tests.ledger.replaying import carry_out, replayed

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def press(client, action, *rows, reason="sent by mistake", **query):
    form = {"action": action, "_selected_action": [row.pk for row in rows], "index": "0", "reason": reason}
    return client.post(list_page(ParkedMessage, **query), form, follow=True)


def states():
    return list(ParkedMessage.objects.order_by("id").values_list("state", flat=True))


def said(response):
    return [str(message) for message in response.context["messages"]]


def test_staff_who_may_change_parked_messages_replay_the_selected_ones(staff_with):
    chosen, _ = park_one(), park_one()
    client = staff_with("view_parkedmessage", "change_parkedmessage")

    response = press(client, "replay", chosen)

    assert states() == ["replayed", "parked"]
    assert OutboxRow.objects.count() == 1
    assert said(response) == ["1 sent again."]
    chosen.refresh_from_db()
    assert chosen.resolved_by == response.wsgi_request.user.get_username()


def test_staff_who_may_change_parked_messages_dismiss_the_selected_ones(staff_with):
    chosen, _ = park_one(), park_one()

    response = press(staff_with("view_parkedmessage", "change_parkedmessage"), "dismiss", chosen)

    assert states() == ["dismissed", "parked"]
    assert said(response) == ["1 dismissed."]


@pytest.mark.parametrize("action", ["replay", "dismiss"])
def test_staff_who_may_only_view_them_settle_nothing(staff_with, action):
    parked = park_one()
    client = staff_with("view_parkedmessage")

    press(client, action, parked)

    assert states() == ["parked"]
    assert 'value="replay"' not in client.get(row_page(parked)).content.decode()
    assert 'value="replay"' not in client.get(list_page(ParkedMessage)).content.decode()


def test_pressing_a_second_time_sends_nothing_and_says_so(superuser):
    parked = park_one()
    press(superuser, "replay", parked)

    response = press(superuser, "replay", parked)

    assert OutboxRow.objects.count() == 1
    assert said(response) == ["0 sent again.", "1 left as they are: not parked any more, or from no queue."]


def test_a_messages_own_page_offers_both_and_its_form_settles_it_however_old_it_is(superuser, monkeypatch):
    monkeypatch.setattr(window, "ROWS_AT_MOST", 2)
    oldest, *_ = [park_one() for _ in range(5)]
    page = superuser.get(row_page(oldest))

    superuser.post(page.context["settle_address"], {"action": "replay", "_selected_action": oldest.pk, "index": "0"})

    assert 'value="dismiss"' in page.content.decode()
    assert states()[0] == "replayed"


def test_a_settled_messages_page_offers_neither(superuser):
    parked = park_one()
    press(superuser, "dismiss", parked)

    assert 'value="replay"' not in superuser.get(row_page(parked)).content.decode()


def test_who_settled_what_stands_in_the_admins_own_log_too(superuser):
    parked = park_one()
    press(superuser, "replay", parked)

    entry = LogEntry.objects.get()

    assert (entry.object_id, entry.get_change_message()) == (str(parked.pk), "Sent again.")


def test_a_form_without_its_token_settles_nothing(superuser):
    parked = park_one()
    forged = Client(enforce_csrf_checks=True)
    forged.cookies = superuser.cookies

    response = press(forged, "replay", parked)

    assert response.status_code == 403
    assert states() == ["parked"]


def test_a_link_settles_nothing(superuser):
    parked = park_one()

    superuser.get(list_page(ParkedMessage, action="replay", _selected_action=str(parked.pk), index="0"))

    assert states() == ["parked"]


def test_one_press_settles_a_bounded_number(superuser, monkeypatch):
    monkeypatch.setattr(parked_pages, "AT_ONCE", 2)
    rows = [park_one() for _ in range(3)]

    press(superuser, "dismiss", *rows)

    assert states().count("dismissed") == 2


def correct_page(row):
    return reverse("admin:ledger_parkedmessage_correct", args=[row.pk])


def send_correction(client, row, **fields):
    given = {"body": right_body(), "headers": row.headers, "reason": "as the shop says", **fields}
    return client.post(correct_page(row), given, follow=True)


def test_a_dismissal_without_a_reason_dismisses_nothing_and_says_so(superuser):
    parked = park_one()

    response = press(superuser, "dismiss", parked, reason=" ")

    assert states() == ["parked"]
    assert said(response) == ["Nothing was dismissed. reason: must have 1 to 1000 characters"]


def test_a_messages_page_tells_who_did_what_and_why(superuser):
    parked = park_one()
    press(superuser, "dismiss", parked, reason="the shop is closed")

    page = superuser.get(row_page(parked)).content.decode()

    assert "What was done about it" in page
    assert "the shop is closed" in page


def test_the_page_of_a_correction_shows_the_original_beside_what_is_to_be_sent(superuser):
    parked = park_one(body={"amount": "5"}, detail="must be an integer")

    response = superuser.get(correct_page(parked))

    page = response.content.decode()
    assert "must be an integer" in page
    assert "As it came" in page
    assert json.loads(response.context["form"]["body"].value()) == [[], {"amount": "5"}, {}]
    assert json.loads(response.context["form"]["headers"].value()) == json.loads(parked.headers)


def test_a_correction_is_stored_beside_the_original_and_replayed(superuser):
    parked = park_one()

    stored = send_correction(superuser, parked, body=right_body(reference_id="report-77"))
    press(superuser, "replay", parked)

    assert said(stored) == ["Corrected. Replay it to have it sent."]
    page = stored.content.decode()
    assert "report-77" in page
    assert "as the shop says" in page
    assert "report-77" in OutboxRow.objects.get().body["body"]
    assert ParkedMessage.objects.get().body == parked.body


def test_what_one_person_corrected_to_move_much_waits_for_a_second_one(superuser, staff_with, settings):
    settings.ADJUST_APPROVAL_LIMIT = 100
    parked = park_one()
    send_correction(superuser, parked, body=right_body(amount=101))

    alone = press(superuser, "replay", parked)
    second = press(staff_with("view_parkedmessage", "change_parkedmessage"), "replay", parked)

    assert "a second person must replay it" in said(alone)[-1]
    assert said(second) == ["1 sent again."]
    assert OutboxRow.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"body": "{"}, "body", "is not JSON"),
        ({"body": right_body(amount=0)}, "body", "amount: Input should be greater than or equal to 1"),
        ({"headers": "[]"}, "headers", "must be a JSON object"),
        ({"headers": "{}"}, "headers", "headers.task: must name one of the contract"),
        ({"reason": ""}, "reason", "This field is required"),
    ],
)
def test_a_refused_correction_is_shown_beside_what_it_is_about(superuser, fields, field, text):
    parked = park_one()

    response = send_correction(superuser, parked, **fields)

    assert text in str(response.context["form"].errors[field])
    assert not ParkedAct.objects.exists()


def test_what_somebody_else_has_replayed_meanwhile_is_not_corrected(superuser):
    parked = park_one()
    press(superuser, "replay", parked)

    response = send_correction(superuser, parked)

    assert "sent again, and its outcome is awaited" in str(response.context["form"].non_field_errors())
    assert "Store correction" in response.content.decode()


@pytest.mark.parametrize("permissions", [["view_parkedmessage"], ["view_parkedmessage", "change_account"], []])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_corrects_without_the_permission(staff_with, permissions, method):
    parked = park_one()
    client = staff_with(*permissions)

    response = getattr(client, method)(correct_page(parked), {"body": right_body(), "headers": "{}", "reason": "x"})

    assert response.status_code == 403
    assert "/correct/" not in client.get(row_page(parked)).content.decode()
    assert not ParkedAct.objects.exists()


def test_there_is_nothing_to_correct_under_an_unknown_number(superuser):
    assert superuser.get(reverse("admin:ledger_parkedmessage_correct", args=[999])).status_code == 404


@pytest.mark.parametrize("body", [b"\xff\x00<script>alert(1)</script>", b"[" * 100_000, b"{}" * 200_000, b""])
def test_any_body_can_be_looked_at_and_corrected(superuser, body):
    parked = park_one(message=Message("credits.consume", "</textarea><b>", body, {"id": "</textarea><script>"}))

    pages = [superuser.get(address) for address in (row_page(parked), correct_page(parked), list_page(ParkedMessage))]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert not any(b"<script>alert" in page.content or b"</textarea><" in page.content for page in pages)


def test_what_became_of_a_replay_stands_on_its_page_and_in_the_list(superuser):
    account = opened_account(credits_bought=50)
    parked, sent = replayed(consume(merchant_id=account.merchant_id))
    before = superuser.get(list_page(ParkedMessage)).content.decode()

    carry_out(sent)

    page = superuser.get(row_page(parked)).content.decode()
    transaction = Transaction.objects.get(kind="consume")
    assert "sent, no outcome yet" in before
    assert "posted" in superuser.get(list_page(ParkedMessage)).content.decode()
    assert row_page(transaction) in page


def test_messages_are_found_by_queue_name_merchant_and_time(superuser):
    wanted = park_one(message=task_message(name="credits.grant", queue="credits.grants"))
    other = park_one(message=task_message(name="credits.strange", queue="credits.old"), merchant_id=uuid4())
    ParkedMessage.objects.filter(pk=other.pk).update(last_seen_at=datetime.now(UTC) - timedelta(days=3))

    def found(**query):
        return [row.pk for row in rows_of(superuser.get(list_page(ParkedMessage, **query)))]

    assert found(name="credits.grant") == [wanted.pk]
    assert found(q="credits.grants") == [wanted.pk]
    assert found(q="credits.strange") == [other.pk]
    assert found(q=str(other.merchant_id)) == [other.pk]
    assert found(seen="day") == [wanted.pk]
    assert found(seen="week", reason="invalid_field", state="parked") == [wanted.pk, other.pk]


def test_the_list_reads_no_bodies(superuser):
    park_one(body={"long": "x" * 100_000})

    with CaptureQueriesContext(connection) as queries:
        superuser.get(list_page(ParkedMessage))

    of_parked = [query["sql"] for query in queries if 'FROM "credit_parked"' in query["sql"]]
    assert of_parked
    assert not any('"body"' in sql or '"headers"' in sql for sql in of_parked)
