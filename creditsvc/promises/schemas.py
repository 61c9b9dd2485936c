"""JSON Schemas (2020-12) of commands, results, plain events and published events, by the names of their files."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, create_model

from ledger.commands import COMMANDS, Consume, ConsumeMany
from ledger.event_shapes import SHAPES, Envelope
from ledger.outcomes import DeclineReason, Status
from ledger.plain_events import EVENTS, PlainEnvelope

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


class OutcomeShape(BaseModel):
    """What became of one command; reason is a decline's, shop_differs, or says why and by which field it was parked."""

    model_config = ConfigDict(extra="forbid")

    status: Status
    replayed: bool
    transaction_id: UUID | None
    merchant_id: UUID | None
    amount: int | None
    balance: int | None
    reference_type: str | None
    reference_id: str | None
    reason: DeclineReason | str | None
    retried_by: UUID | None


class ManyOutcomes(BaseModel):
    """What became of consume_many: an outcome for each item, in order."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["posted", "mixed"]
    items: list[OutcomeShape]


def schemas() -> dict[str, Schema]:
    """Every schema, by its file's path under docs/schemas."""
    made = {f"commands/{task}.json": _schema(command, task) for task, command in COMMANDS.items()}
    made[f"commands/{ConsumeMany.task}.json"] = _consume_many()
    made["results/outcome.json"] = _schema(OutcomeShape, "outcome", mode="serialization")
    made["results/consume_many.json"] = _schema(ManyOutcomes, "result of consume_many", mode="serialization")
    for event_type, shape in EVENTS.items():
        made[f"inbound/{event_type}.json"] = _plain_event(event_type, shape)
    for event_type, shape in SHAPES.items():
        made[f"events/{event_type}.json"] = _event(event_type, shape)
    return {name: {"$schema": DIALECT, "$id": f"schemas/{name}", **schema} for name, schema in sorted(made.items())}


def _schema(
    model: type[BaseModel], title: str, *, mode: Literal["validation", "serialization"] = "validation"
) -> Schema:
    schema = model.model_json_schema(mode=mode)
    schema["title"] = title
    return schema


def _consume_many() -> Schema:
    """The envelope, with its items as consumptions: a bad one is parked alone, and the others are carried out."""
    schema = _schema(ConsumeMany, ConsumeMany.task)
    item = Consume.model_json_schema()
    schema["$defs"] = {**schema.get("$defs", {}), **item.pop("$defs", {}), "Consume": item}
    schema["properties"]["items"]["items"] = {"$ref": "#/$defs/Consume"}
    return schema


def _plain_event(event_type: str, shape: type[BaseModel]) -> Schema:
    fields: dict[str, Any] = {"event_type": (Literal[event_type], ...), "data": (shape, ...)}
    return _schema(create_model("PlainEvent", __base__=PlainEnvelope, **fields), event_type)


def _event(event_type: str, shape: type[BaseModel]) -> Schema:
    fields: dict[str, Any] = {"event_type": (Literal[event_type], ...), "data": (shape, ...)}
    schema = _schema(create_model("PublishedEvent", __base__=Envelope, __doc__=shape.__doc__, **fields), event_type)
    _forget_nulls(schema["$defs"][shape.__name__])
    return schema


def _forget_nulls(shape: Schema) -> None:
    """Have what may be left out be left out: no published field but those of the envelope is ever null."""
    for name, field in shape["properties"].items():
        if "default" in field:
            (said,) = (one for one in field["anyOf"] if one != {"type": "null"})
            shape["properties"][name] = said
