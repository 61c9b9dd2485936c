"""`manage.py parked`: the same from the command line."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ledger.messages import Message
from ledger.models import OutboxRow, ParkedMessage
from ledger.outcomes import ParkReason
from tests.admin.books import conflict, park_one, task_message

pytestmark = pytest.mark.django_db


@pytest.fixture
def parked(capsys):
    """Runs the command; the lines it prints."""

    def run(*words):
        call_command("parked", *(str(word) for word in words))
        return capsys.readouterr().out.splitlines()

    return run


def ids(lines):
    return [int(line.split()[0]) for line in lines if not line.startswith("More")]


def test_the_list_shows_what_is_parked_the_last_seen_first(parked):
    first = park_one()
    second = park_one()
    ParkedMessage.objects.filter(pk=park_one().pk).update(state="dismissed")

    lines = parked("list")

    assert ids(lines) == [second.pk, first.pk]
    assert "invalid_field amount" in lines[0]


def test_the_list_is_filtered_by_reason_state_and_queue(parked):
    expired = park_one(reason=ParkReason.EXPIRED)
    granting = park_one(message=task_message(queue="credits.grants"))
    dismissed = park_one()
    ParkedMessage.objects.filter(pk=dismissed.pk).update(state="dismissed")

    assert ids(parked("list", "--reason", "expired")) == [expired.pk]
    assert ids(parked("list", "--queue", "credits.grants")) == [granting.pk]
    assert ids(parked("list", "--state", "dismissed")) == [dismissed.pk]
    assert ids(parked("list", "--state", "any")) == [dismissed.pk, granting.pk, expired.pk]


def test_the_list_goes_on_where_its_last_line_says(parked):
    rows = [park_one() for _ in range(5)]
    same_moment = rows[0].last_seen_at
    ParkedMessage.objects.update(last_seen_at=same_moment)

    pages, words = [], []
    while words is not None:
        lines = parked("list", "--limit", 2, *words)
        pages.append(ids(lines))
        words = lines[-1].removeprefix("More: ").split() if lines[-1].startswith("More") else None

    newest_first = sorted((row.pk for row in rows), reverse=True)
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:]]


def test_show_prints_a_message_whole(parked):
    message = task_message(kwargs={"amount": "5"}, headers={"origin": "checkout"}, properties={"reply_to": "somewhere"})
    row = park_one(message=message, detail="Input should be a valid integer", correlation_id="corr-1")

    printed = "\n".join(parked("show", row.pk))

    for part in (
        '"amount": "5"',
        "checkout",
        "somewhere",
        "valid integer",
        "corr-1",
        "credits.consume",
        "invalid_field",
    ):
        assert part in printed


def test_show_prints_both_requests_of_a_conflict_side_by_side(parked):
    lines = parked("show", conflict().pk)

    differing = [line.split() for line in lines if line.startswith("≠")]
    assert differing == [["≠", "Amount", "as", "stated", "100", "250"]]


@pytest.mark.parametrize("body", [b"\x1b]0;owned\x07", b"\xc2\x9b31m", b"[" * 100_000])
def test_show_prints_nothing_that_would_steer_a_terminal(parked, body):
    row = park_one(message=Message(queue="credits.consume", name="\x1b[2J", body=body), detail="\x1b[31m")

    printed = "".join([*parked("show", row.pk), *parked("list")])

    assert printed.isprintable()


def test_show_of_an_unknown_number_fails(parked):
    with pytest.raises(CommandError, match="no parked message 7"):
        parked("show", 7)


def test_replay_sends_the_named_messages_and_says_by_whom(parked):
    first, second = park_one(), park_one()

    lines = parked("replay", first.pk, second.pk, "--by", "anna")

    assert lines == ["2 sent again"]
    assert OutboxRow.objects.filter(destination="message").count() == 2
    assert set(ParkedMessage.objects.values_list("state", "resolved_by")) == {("replayed", "anna")}


def test_dismiss_settles_the_named_messages(parked):
    row = park_one()

    lines = parked("dismiss", row.pk)

    assert lines == ["1 dismissed"]
    assert list(ParkedMessage.objects.values_list("state", flat=True)) == ["dismissed"]
    assert ParkedMessage.objects.get().resolved_by


@pytest.mark.parametrize("action", ["replay", "dismiss"])
def test_settling_what_is_not_parked_fails_and_names_it_but_settles_the_rest(parked, action):
    row = park_one()

    with pytest.raises(CommandError, match=r"left as they are.*: 999$"):
        parked(action, row.pk, 999)

    assert ParkedMessage.objects.get().state != "parked"


@pytest.mark.parametrize("words", [["--after", "x"], ["--after", "2026-01-31T12:00:00,1"], ["--limit", "0"]])
def test_a_list_refuses_what_it_can_not_read(parked, words):
    park_one()

    with pytest.raises(CommandError):
        parked("list", *words)
