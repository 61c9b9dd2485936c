"""The published schemas: current, sound, and of one mind with the service about what a command may hold."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from creditsvc.management.commands.promises import DOCS
from creditsvc.promises.asyncapi import document
from creditsvc.promises.schemas import schemas
from ledger.commands import COMMANDS, ConsumeMany
from ledger.event_shapes import SHAPES
from ledger.rules.state import Policy
from tests.client import candidates
from tests.client.examples import COMMANDS as COMPLETE
from tests.ledger.paper import PaperLedger
from tests.ledger.sequences import SEQUENCES, moments, told

SCHEMAS = schemas()
MODELS = {**COMMANDS, ConsumeMany.task: ConsumeMany}
FIELDS = [(task, field) for task, model in MODELS.items() for field in model.model_fields if field != "items"]


def validator(name: str) -> Any:
    return jsonschema_rs.validator_for(SCHEMAS[name], validate_formats=True)


def is_json(value: Any) -> bool:
    """Whether a value can stand in a message at all, as JSON in UTF-8 that every reader takes."""
    try:
        return json.loads(json.dumps(value, allow_nan=False).encode()) == value and "\\ud" not in json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False


def test_the_files_are_current() -> None:
    call_command("promises")


@pytest.mark.parametrize("change", ["edited", "missing", "superfluous"])
def test_a_file_that_is_not_current_is_named(tmp_path: Path, change: str) -> None:
    call_command("promises", write=True, docs=tmp_path)
    file = tmp_path / "schemas" / "commands" / "credits.hold.json"
    if change == "edited":
        file.write_text(file.read_text().replace("2592000", "60"))
    elif change == "missing":
        file.unlink()
    else:
        file = file.rename(file.with_name("credits.gone.json"))

    with pytest.raises(CommandError, match=f"not current: .*{file.name}"):
        call_command("promises", docs=tmp_path)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    jsonschema_rs.meta.validate(SCHEMAS[name])


@pytest.mark.parametrize("task", COMPLETE)
def test_a_complete_command_fits_its_schema_and_one_without_a_field_does_not(task: str) -> None:
    schema = validator(f"commands/{task}.json")

    assert schema.is_valid(COMPLETE[task])
    for field in COMPLETE[task]:
        without = {name: value for name, value in COMPLETE[task].items() if name != field}
        is_required = field in SCHEMAS[f"commands/{task}.json"]["required"]
        assert schema.is_valid(without) is not is_required
    assert not schema.is_valid({**COMPLETE[task], "colour": "red"})


def may_differ(field: str, value: Any) -> bool:
    """What a schema can't say, or says more strictly than it is taken: the contract has it in words."""
    if isinstance(value, float):
        return True  # 5.0 is an integer to JSON Schema, and none to the service
    if field == "platform_name":
        return isinstance(value, str) and value.lower() != value  # lower-cased by the service
    return field == "metadata" or field in ("ends_at", "changed_at", "effective_at", "expires_at")


@pytest.mark.parametrize(("task", "field"), FIELDS)
def test_what_fits_the_schema_is_taken_by_the_service_and_nothing_else(task: str, field: str) -> None:
    schema, model = validator(f"commands/{task}.json"), MODELS[task]
    differing = []

    for value in candidates.BY_FIELD[field]:
        if not is_json(value) or may_differ(field, value):
            continue
        fields = {**COMPLETE[task], field: value}
        try:
            model.model_validate(fields)
            is_taken = True
        except ValidationError:
            is_taken = False
        if schema.is_valid(fields) is not is_taken:
            differing.append((value, is_taken))

    assert differing == []


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(sketches=SEQUENCES)
def test_every_event_that_the_rules_tell_fits_its_schema(sketches: Any) -> None:
    ledger = PaperLedger(Policy(low_balance_threshold=3))
    for one, now in zip(told(sketches, world=""), moments(sketches), strict=True):
        ledger.post(one, now=now)

    for _, event in ledger.events:
        VALIDATORS[event.event_type].validate(event.envelope())


VALIDATORS = {event_type: validator(f"events/{event_type}.json") for event_type in SHAPES}


def test_an_event_that_says_more_or_less_does_not_fit() -> None:
    said = json.loads((DOCS / "conformance" / "alerts.json").read_text())["vectors"][0]["events"][1]["data"]
    good = {**said, "merchant_id": "0190f5fe-7c00-7a00-8000-00000000abcd"}
    envelope = {
        "event_id": good["merchant_id"], "event_type": "evt.credits.low_balance.v1", "correlation_id": "c",
        "source_service": "credit-service", "timestamp": "2026-01-31T12:00:00.000000Z", "data": good,
        "metadata": {"account_sequence": 1, "transaction_sequence": None},
    }  # fmt: skip
    schema = VALIDATORS["evt.credits.low_balance.v1"]

    assert schema.is_valid(envelope)
    assert not schema.is_valid({**envelope, "data": {**good, "more": 1}})
    assert not schema.is_valid({**envelope, "data": {"merchant_id": good["merchant_id"]}})
    assert not schema.is_valid({**envelope, "event_type": "evt.credits.granted.v1"})


def test_every_reference_of_the_document_leads_somewhere() -> None:
    described = document()

    for reference in references_in(described):
        if reference.startswith("#/"):
            part: Any = described
            for name in reference.removeprefix("#/").split("/"):
                part = part[name]
        else:
            assert (DOCS / reference).is_file(), reference


def references_in(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in references_in(value)]
    return [found for value in part for found in references_in(value)] if isinstance(part, list) else []


def test_every_channel_is_bound_as_the_topology_binds_it() -> None:
    channels = document()["channels"]

    exchanges = {name: channel["bindings"]["amqp"]["exchange"]["name"] for name, channel in channels.items()}
    assert {name for name, exchange in exchanges.items() if exchange == "credits.commands"} == set(MODELS)
    assert {name for name, exchange in exchanges.items() if exchange == "credits.events"} == set(SHAPES)
    assert "credits.inbound.matches" in channels["evt.ai.match.completed.v1"]["description"]
    assert all(channel["address"] == name for name, channel in channels.items())
