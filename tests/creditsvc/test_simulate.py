"""`manage.py simulate`: it says what a real post then does, and changes nothing."""

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ledger.commands import Command
from ledger.instructions import Instruction
from ledger.journal import post
from ledger.models import Account, Lot
from ledger.outcomes import Outcome
from ledger.staff.simulation import simulate
from tests.ledger.builders import (
    capture,
    consume,
    hold,
    open_account,
    opened_account,
    purchase,
    request,
    requests,
    start_trial,
)
from tests.ledger.sequences import SEQUENCES, told
from tests.ledger.stored import dump

pytestmark = pytest.mark.django_db


def known(outcome: Outcome) -> dict[str, Any]:
    """What can be known of an outcome before there is a transaction."""
    return {name: value for name, value in outcome.as_dict().items() if name not in ("transaction_id", "retried_by")}


def line(command: Command) -> str:
    return json.dumps({"task": command.task, "kwargs": command.model_dump(mode="json", exclude_unset=True)})


def run(folder: Path, *lines: str, options: tuple[str, ...] = ("--json",)) -> tuple[int, str]:
    file, output = folder / "commands.jsonl", StringIO()
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        call_command("simulate", str(file), *options, stdout=output)
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    return 0, output.getvalue()


class TestSimulation(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sketches=SEQUENCES, posted=st.integers(0, 20))
    def test_it_is_what_a_post_then_comes_to_and_changes_no_table(self, sketches: Any, posted: int) -> None:
        by_people = (Instruction,)  # which never wait: they are given on open accounts
        sequence = [one for one in told(sketches, world=str(uuid4())) if not isinstance(one.command, by_people)]
        post(sequence[:posted])
        before = dump()

        simulation = simulate(sequence[posted:])

        assert dump() == before
        outcomes = post(sequence[posted:])
        assert [known(outcome) for outcome in simulation.outcomes] == [known(outcome) for outcome in outcomes]
        for effect in simulation.effects:
            account = Account.objects.get(merchant_id=effect.merchant_id)
            assert (effect.after, effect.held) == (account.balance, account.held)


def test_what_waits_for_an_account_is_counted_in_where_the_file_opens_it() -> None:
    opening = open_account()
    post(requests(purchase(merchant_id=opening.merchant_id, credits=40)))

    simulation = simulate([request(opening), request(consume(merchant_id=opening.merchant_id, amount=15))])

    (effect,) = simulation.effects
    assert (effect.before, effect.after) == (None, 25)
    assert not Account.objects.exists()


def test_a_command_that_would_wait_is_shown_with_its_reference(tmp_path: Path) -> None:
    command = purchase()

    _, output = run(tmp_path, line(command), options=())

    assert f"purchase/{command.purchase_id}  waiting" in output


def test_a_file_of_commands_is_answered_line_by_line(tmp_path: Path) -> None:
    account = opened_account(credits_bought=50)
    ours = {"merchant_id": account.merchant_id}
    held = hold(**ours, amount=20)

    code, output = run(
        tmp_path,
        line(held),
        line(capture(held, amount=5)),
        line(consume(**ours, amount=99)),
        "",
        line(start_trial(**ours)),
    )

    told = [json.loads(text) for text in output.splitlines()]
    assert code == 0
    assert [(one["line"], one["task"], one["status"], one["balance"]) for one in told[:4]] == [
        (1, "credits.hold", "recorded", 50),
        (2, "credits.capture", "posted", 45),
        (3, "credits.consume", "declined", 45),
        (5, "credits.start_trial", "posted", 545),
    ]
    assert told[4] == {
        "merchant_id": str(account.merchant_id), "balance_before": 50, "balance_after": 545, "held": 0,
        "available": 545,
    }  # fmt: skip
    assert told[5]["events"]["evt.credits.captured.v1"] == 1
    assert Lot.objects.count() == 1


def test_what_would_be_parked_is_said_with_its_field_and_the_rest_is_planned(tmp_path: Path) -> None:
    account = opened_account(credits_bought=50)
    ours = {"merchant_id": str(account.merchant_id)}
    good = {**ours, "amount": 1, "reference_type": "export", "reference_id": "e-1"}

    code, output = run(
        tmp_path,
        json.dumps({"task": "credits.consume", "kwargs": {**good, "amount": "5"}}),
        json.dumps({"task": "credits.nothing", "kwargs": {}}),
        json.dumps({"task": "credits.consume_many", "kwargs": {"items": [good, {**good, "amount": 0}]}}),
    )

    told = [json.loads(text) for text in output.splitlines()][:4]
    assert code == 1
    assert [one["status"] for one in told] == ["parked", "parked", "posted", "parked"]
    assert told[0]["reason"].startswith("invalid_field: amount: ")
    assert told[1]["reason"].startswith("unknown_task: task: ")


def test_people_are_told_in_words(tmp_path: Path) -> None:
    account = opened_account(credits_bought=50)

    code, output = run(tmp_path, line(consume(merchant_id=account.merchant_id, amount=60)), options=())

    assert code == 0
    assert "declined insufficient_credits  balance 50" in output
    assert f"{account.merchant_id}  50 -> 50, available 50" in output
    assert output.endswith("Nothing was changed.\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: must be an object"),
        ('{"kwargs": {}}', "line 2: must be an object"),
        ('{"task": "credits.consume", "args": []}', "line 2: must be an object"),
    ],
)
def test_a_line_that_is_no_command_is_said_by_its_number(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(tmp_path, line(open_account()), text)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("simulate", "nowhere.jsonl")
