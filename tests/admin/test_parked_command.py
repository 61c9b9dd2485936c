"""`manage.py parked`: the same from the command line."""

import json
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ledger.errors import Refused
from ledger.messages import Message
from ledger.models import OutboxRow, ParkedAct, ParkedMessage, Transaction
from ledger.outcomes import ParkReason
from ledger.parking import correct, dismiss, replay
from tests.admin.books import conflict, park_one, right_body, task_message
from tests.ledger.builders import consume, opened_account
from tests.ledger.replaying import carry_out, replayed

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


@pytest.mark.parametrize("words", [["show"], ["correct", "--body", "-", "--reason", "r"], ["replay"]])
@pytest.mark.parametrize("number", ["0", "x", str(2**63)])
def test_what_is_no_id_is_refused_by_its_name(parked, words, number):
    action, *options = words
    named = "ids" if action == "replay" else "id"

    with pytest.raises(CommandError, match=rf"argument (ID|{named}): "):
        parked(action, number, *options)


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


def test_show_prints_the_body_alone_as_a_replay_would_send_it(parked):
    row = park_one(message=task_message(queue="credits.consume"))
    wanted = right_body()
    correct(row.pk, body=wanted, by="anna", reason="nothing was in it", at=datetime.now(UTC))

    lines = parked("show", row.pk, "--body")

    assert "\n".join(lines) == wanted


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

    assert lines == ["2 sent again; `parked show` tells what becomes of it"]
    assert OutboxRow.objects.filter(destination="message").count() == 2
    assert set(ParkedMessage.objects.values_list("state", "resolved_by")) == {("replayed", "anna")}


def test_dismiss_settles_the_named_messages(parked):
    row = park_one()

    lines = parked("dismiss", row.pk, "--reason", "sent by mistake")

    assert lines == ["1 dismissed"]
    assert list(ParkedMessage.objects.values_list("state", flat=True)) == ["dismissed"]
    assert ParkedMessage.objects.get().resolved_by
    assert ParkedAct.objects.get().reason == "sent by mistake"


@pytest.mark.parametrize("action", [["replay"], ["dismiss", "--reason", "sent by mistake"]])
def test_settling_what_is_not_parked_fails_and_names_it_but_settles_the_rest(parked, action):
    row = park_one()

    with pytest.raises(CommandError, match=r"left as they are.*: 999$"):
        parked(*action, row.pk, 999)

    assert ParkedMessage.objects.get().state != "parked"


def test_where_nothing_was_settled_nothing_else_is_said(parked, capsys):
    with pytest.raises(CommandError, match="left as they are"):
        parked("replay", 999)

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("settle", [replay, partial(dismiss, reason="sent by mistake")])
def test_nobody_settles_anything(settle):
    row = park_one()

    with pytest.raises(Refused, match="by: must name somebody"):
        settle([row.pk], by=" ", at=datetime.now(UTC))

    assert ParkedMessage.objects.get().state == "parked"


@pytest.mark.parametrize("words", [["--after", "x"], ["--after", "2026-01-31T12:00:00,1"], ["--limit", "0"]])
def test_a_list_refuses_what_it_can_not_read(parked, words):
    park_one()

    with pytest.raises(CommandError):
        parked("list", *words)


def test_the_list_is_filtered_by_name_merchant_and_time(parked):
    merchant = uuid4()
    old = park_one(message=task_message(name="credits.grant"))
    ParkedMessage.objects.filter(pk=old.pk).update(last_seen_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    new = park_one(merchant_id=merchant)

    assert ids(parked("list", "--name", "credits.grant")) == [old.pk]
    assert ids(parked("list", "--merchant", merchant)) == [new.pk]
    assert ids(parked("list", "--since", "2026-01-31T12:00:01Z")) == [new.pk]
    assert ids(parked("list", "--until", "2026-01-31T12:00:01Z")) == [old.pk]
    assert ids(parked("list", "--since", "2026-01-31T12:00:00Z", "--until", "2026-01-31T12:00:01Z")) == [old.pk]


def test_a_correction_comes_from_a_file_or_from_standard_input_and_a_replay_sends_it(parked, tmp_path, monkeypatch):
    row = park_one()
    file, headers = tmp_path / "body.json", tmp_path / "headers.json"
    file.write_text(right_body(reference_id="report-1"))
    headers.write_text(json.dumps({"task": "credits.consume", "id": "id-9"}))

    lines = parked("correct", row.pk, "--body", file, "--headers", headers, "--reason", "as the shop says", "--by", "a")
    monkeypatch.setattr("sys.stdin", StringIO(right_body(reference_id="report-2")))
    parked("correct", row.pk, "--body", "-", "--reason", "they wrote again")
    parked("replay", row.pk)
    shown = parked("show", row.pk)

    sent = OutboxRow.objects.get().body
    assert lines == [f"corrected; send it by `parked replay {row.pk}`"]
    assert [shown.count(f"    corrected {part}:") for part in ("headers", "body")] == [2, 2]
    assert sum(line.startswith("body, as it came") for line in shown) == 1
    assert "report-2" in sent["body"]
    assert json.loads(sent["headers"])["id"] == "id-9"


def test_what_one_person_corrected_to_move_much_is_left_for_a_second_one(parked, settings):
    settings.ADJUST_APPROVAL_LIMIT = 100
    much, little = park_one(), park_one()
    for row, amount in ((much, 101), (little, 100)):
        correct(row.pk, body=right_body(amount=amount), by="anna", reason="the shop says so", at=datetime.now(UTC))

    with pytest.raises(CommandError, match=rf"a second person must replay it: {much.pk}; .*from no queue: 999$"):
        parked("replay", much.pk, little.pk, 999, "--by", "anna")

    assert [row.body["body"] for row in OutboxRow.objects.all()] == [
        ParkedAct.objects.get(parked=little, what="corrected").body
    ]
    assert parked("replay", much.pk, "--by", "bert")[0].startswith("1 sent again")


def test_a_correction_that_a_worker_would_refuse_fails_and_names_the_field(parked, tmp_path):
    row = park_one()
    file = tmp_path / "body.json"
    file.write_text(right_body(amount=0))

    with pytest.raises(CommandError, match="amount: Input should be greater"):
        parked("correct", row.pk, "--body", file, "--reason", "as the shop says")


def test_a_file_that_is_not_there_fails(parked):
    with pytest.raises(CommandError, match="no such file"):
        parked("correct", park_one().pk, "--body", "/no such file", "--reason", "x")


@pytest.mark.parametrize("words", [["dismiss", 1], ["correct", 1, "--body", "/dev/null"]])
def test_neither_goes_without_a_reason(parked, words):
    with pytest.raises(CommandError, match="--reason"):
        parked(*words)


def test_show_tells_what_was_done_and_what_became_of_it(parked):
    account = opened_account(credits_bought=50)
    row, sent = replayed(consume(merchant_id=account.merchant_id))
    carry_out(sent)

    printed = "\n".join(parked("show", row.pk))

    assert "replayed by anna" in printed
    assert f"  posted; transaction {Transaction.objects.get(kind='consume').pk}" in printed
    assert parked("list", "--state", "replayed")[0].endswith("x1  posted")
