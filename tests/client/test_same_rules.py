"""The client accepts what the service accepts, refuses what it refuses, and sends what the service would have read."""

from typing import Annotated, Any

import pytest
from credits_client import FieldRefused
from credits_client.commands import COMMANDS, Checked
from credits_client.events import EVENTS
from credits_client.messages import Sender
from credits_client.testing import Sent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from ledger import commands as ledger_commands
from tests.client import candidates, examples, ledger_side

MODELS: dict[str, type[Checked]] = {**COMMANDS, **EVENTS}
COMPLETE = {**examples.COMMANDS, **examples.EVENTS}
PARKED = "sent by the client, parked by the service"
FIELDS = [
    (name, field)
    for name, model in MODELS.items()
    for field in model.model_fields
    if not (name in EVENTS and field == "correlation_id")  # it stands in the envelope; see test_messages
]


def client_side(name: str, fields: dict[str, Any]) -> Any:
    """What the service reads of what the client sends: None where the client refuses, PARKED where the service does."""
    try:
        checked = MODELS[name].of(fields)
        message = Sender("tests").message(checked)
    except FieldRefused:
        return None
    try:
        return ledger_side.read(name, Sent.of(message).fields)
    except ledger_side.Refused:
        return PARKED


def service_side(name: str, fields: dict[str, Any]) -> Any:
    """What the service reads of the same fields sent unchecked; None where it refuses."""
    try:
        return ledger_side.read(name, fields)
    except ledger_side.Refused:
        return None


def disagreements(name: str, field: str) -> list[Any]:
    """The values of the field on which the two sides differ, and how."""
    found = []
    for value in candidates.BY_FIELD[field]:
        fields = {**COMPLETE[name], field: value}
        client, service = client_side(name, fields), service_side(name, fields)
        if client != service:
            found.append((value, client, service))
    return found


@pytest.mark.parametrize("name", COMPLETE)
def test_a_complete_message_is_accepted_and_read_as_it_was_meant(name):
    client, service = client_side(name, COMPLETE[name]), service_side(name, COMPLETE[name])

    assert client is not None
    assert client == service


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_both_sides_agree_at_the_edges_of_every_rule(name, field):
    assert disagreements(name, field) == []


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in COMPLETE for field in COMPLETE[name]])
def test_both_sides_refuse_a_missing_field(name, field):
    fields = {key: value for key, value in COMPLETE[name].items() if key != field}

    assert client_side(name, fields) is service_side(name, fields) is None


@pytest.mark.parametrize("name", COMMANDS)
def test_both_sides_refuse_an_unknown_field(name):
    fields = {**COMPLETE[name], "urgency": "high"}

    assert client_side(name, fields) is service_side(name, fields) is None


def test_both_sides_know_the_same_commands_and_events():
    assert COMMANDS.keys() == {*ledger_commands.COMMANDS, ledger_commands.ConsumeMany.task}
    assert EVENTS.keys() == ledger_side.EVENTS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_both_sides_know_the_same_fields_of_a_command(name):
    models = {**ledger_commands.COMMANDS, ledger_commands.ConsumeMany.task: ledger_commands.ConsumeMany}

    ours = {field: info.is_required() for field, info in MODELS[name].model_fields.items()}

    assert ours == {field: info.is_required() for field, info in models[name].model_fields.items()}


# Anything that JSON can hold, and nearly valid text of all kinds.
texts = st.text(st.characters(), max_size=300) | st.text(st.sampled_from("abAB19-_.:@ TZ+\n\x00é\u212a"), max_size=70)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))


@st.composite
def nearly_complete(draw):
    """The name and fields of a message in which up to three fields hold something else."""
    name = draw(st.sampled_from(sorted(COMPLETE)))
    fields = dict(COMPLETE[name])
    known = [field for owner, field in FIELDS if owner == name]
    for field in draw(st.lists(st.sampled_from(known), min_size=1, max_size=3)):
        fields[field] = draw(st.sampled_from(candidates.BY_FIELD[field]) | values | st.uuids() | st.datetimes())
    return name, fields


@given(nearly_complete())
def test_both_sides_agree_on_anything(message):
    name, fields = message

    assert client_side(name, fields) == service_side(name, fields)


def test_a_rule_that_differs_is_found(monkeypatch):
    class StricterPurchase(ledger_commands.Purchase):
        credits: Annotated[int, Field(ge=1, le=10)]

    monkeypatch.setitem(ledger_side.COMMANDS, "credits.purchase", StricterPurchase)
    monkeypatch.setitem(examples.PURCHASE, "credits", 5)

    differing = [value for value, *_ in disagreements("credits.purchase", "credits")]

    assert 10**12 in differing
