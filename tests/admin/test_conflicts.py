"""Both requests of a conflict side by side: what each command asks for, and where the two differ."""

import json

import pytest

from ledger.journal import post
from ledger.models import ParkedMessage
from ledger.queries.conflict import side_by_side
from tests.admin.books import task_message
from tests.ledger.builders import capture, consume, grant, hold, opened_account, purchase, release, request, reverse

pytestmark = pytest.mark.django_db

SAME = {"reference_type": "order", "reference_id": "o-1"}


@pytest.fixture
def lines():
    """Posts two commands, of which the second conflicts with the first; the lines about both, by their labels."""

    def conflicting(first, second):
        post([_told(first), _told(second)])
        parked = ParkedMessage.objects.get()
        return {line.label: line for line in side_by_side(parked)}

    return conflicting


def _told(command):
    kwargs = json.loads(command.model_dump_json(exclude_unset=True))
    message = task_message(name=command.task, kwargs=kwargs)
    return request(command, message=lambda: message)


def differing(lines):
    return {label: (line.held, line.refused) for label, line in lines.items() if line.differs}


@pytest.fixture
def mine():
    return {"merchant_id": opened_account(credits_bought=100).merchant_id}


BUILDERS = {"hold": hold, "debit": consume, "credit": grant}


@pytest.mark.parametrize("held", BUILDERS)
@pytest.mark.parametrize("refused", BUILDERS)
def test_what_is_asked_for_is_named_as_a_repeat_is_compared_by(lines, mine, held, refused):
    if held == refused:
        first, second = BUILDERS[held](**mine, **SAME, amount=1), BUILDERS[held](**mine, **SAME, amount=2)
        expected = {"Amount as stated": ("1", "2")}
    else:
        first, second = BUILDERS[held](**mine, **SAME), BUILDERS[refused](**mine, **SAME)
        expected = {"Operation": (held, refused)}

    assert differing(lines(first, second)) == expected


def test_a_capture_and_a_release_of_one_reference_differ_in_what_they_ask_for(lines, mine):
    placed = hold(**mine)
    post([request(placed)])

    found = lines(capture(placed, **SAME), release(placed, **SAME))

    assert differing(found) == {"Operation": ("capture", "release")}
    assert found["Aims at"].held == found["Aims at"].refused == f"job/{placed.reference_id}"


@pytest.mark.parametrize("build", [capture, release])
def test_two_that_aim_at_different_holds_differ_in_that(lines, mine, build):
    one, other = hold(**mine, reference_id="one"), hold(**mine, reference_id="other")
    post([request(one), request(other)])

    assert differing(lines(build(one, **SAME), build(other, **SAME))) == {"Aims at": ("job/one", "job/other")}


def test_two_reversals_of_different_transactions_differ_in_that(lines, mine):
    bought = [purchase(**mine, purchase_id=id_) for id_ in ("p-1", "p-2")]
    post([request(command) for command in bought])

    undoing = [reverse(("purchase", command.purchase_id), **mine, **SAME) for command in bought]

    assert differing(lines(*undoing)) == {"Aims at": ("purchase/p-1", "purchase/p-2")}


def test_what_aims_at_nothing_has_no_line_about_it(lines, mine):
    assert "Aims at" not in lines(consume(**mine, **SAME), consume(**mine, **SAME, amount=2))
