"""What nobody can carry out: one message of each sort, and why it must be parked."""

import json
from dataclasses import replace
from random import Random

from tests.chaos.letter import Letter, event, raw_task, task

RIGHT = '[[], {"merchant_id": "MERCHANT", "amount": 1, "reference_type": "export", "reference_id": "TOKEN"}, {}]'
KIND = "malformed"
# Why it is parked, its body, and which headers it lacks.
BODIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("not_json", "{not json TOKEN", ()),
    ("not_a_task", RIGHT, ("task",)),
    ("not_a_task", '[[], ["amount", 1], {}]', ()),
    ("not_a_task", '{"amount": 1}', ()),
    ("not_a_task", RIGHT, ("id",)),
    ("positional_arguments", '[["MERCHANT", 1], {}, {}]', ()),
    ("invalid_field", '[[], {"merchant_id": "MERCHANT"}, {}]', ()),
    ("invalid_field", RIGHT.replace(": 1", ": true"), ()),
    ("invalid_field", RIGHT.replace(": 1", ": 1e400"), ()),
    ("invalid_field", RIGHT.replace("TOKEN", r"TOKEN\u0000"), ()),
)


def one(chance: Random, *, token: str, merchant: str) -> tuple[Letter, str]:
    """A malformed message, and the reason for which it must be parked."""
    sort = chance.randrange(len(BODIES) + 4)
    if sort < len(BODIES):
        reason, body, without = BODIES[sort]
        body = body.replace("MERCHANT", merchant).replace("TOKEN", token)
        return raw_task("credits.consume", body, token=token, kind=KIND, without=without), reason
    if sort == len(BODIES):
        unknown = task("credits.consume_everything", {}, token=token, kind=KIND)
        return replace(unknown, routing_key="credits.consume"), "unknown_task"
    if sort == len(BODIES) + 1:
        data = {"merchant_id": merchant, "credits": "5", "purchase_id": token}
        return event("evt.billing.credits.purchased.v1", data, token=token, kind=KIND), "invalid_field"
    if sort == len(BODIES) + 2:
        unhashable = task("credits.consume", {}, token=token, kind=KIND)
        return replace(unhashable, headers={**unhashable.headers, "task": ["credits.consume"]}), "not_a_task"
    letter = event("evt.ai.match.completed.v1", {}, token=token, kind=KIND)
    return replace(letter, body=json.dumps({"data": token})), "invalid_field"


def kept_as_it_is(letter: Letter) -> Letter:
    """A message that is only ever repeated as the same message: another one would be parked, or wait, beside it."""
    return replace(letter, may_have_another_id=False)
