"""Parked messages' pages: who may replay and dismiss there, and that the two need a form that was asked for."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from ledger.admin import parked as parked_pages
from ledger.admin import window
from ledger.models import OutboxRow, ParkedMessage
from tests.admin.books import list_page, park_one, row_page

pytestmark = pytest.mark.django_db


def press(client, action, *rows, **query):
    form = {"action": action, "_selected_action": [row.pk for row in rows], "index": "0"}
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


def test_who_settled_what_stands_in_the_messages_history(superuser):
    parked = park_one()
    press(superuser, "replay", parked)

    entry = LogEntry.objects.get()

    assert (entry.object_id, entry.get_change_message()) == (str(parked.pk), "Sent again.")
    assert "Sent again." in superuser.get(row_page(parked, "history")).content.decode()


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
