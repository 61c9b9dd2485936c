"""Prints definitions.json with passwords from the environment, for RabbitMQ to import.

BROKER_SERVICE_PASSWORD=… python deploy/rabbitmq/definitions.py > definitions.ready.json
rabbitmqctl import_definitions definitions.ready.json       # or load_definitions in rabbitmq.conf

A user's password stands in the variable of its name: of credits-service, BROKER_SERVICE_PASSWORD. Users without one are
left out, and stay as they are at the broker. INBOUND_EXCHANGE and VIRTUAL_HOST (credits) are taken from the
environment too. Needs Python alone.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).with_name("definitions.json")
INBOUND_EXCHANGE = "glam.events"  # as the template has it
ALGORITHM = "rabbit_password_hashing_sha256"
SALT_BYTES = 4


def definitions(environment: Mapping[str, str]) -> dict[str, Any]:
    """The definitions, as RabbitMQ imports them. Raises ValueError where a password is short."""
    filled: dict[str, Any] = json.loads(_for_exchange(environment.get("INBOUND_EXCHANGE") or INBOUND_EXCHANGE))
    passwords = {user["name"]: environment.get(variable_of(user["name"]), "") for user in filled["users"]}
    for name, password in passwords.items():
        if password and len(password) < 16:
            raise ValueError(f"{variable_of(name)} is shorter than 16 characters")
    filled["users"] = [
        {
            **user,
            "password_hash": hashed(passwords[user["name"]]),
            "hashing_algorithm": ALGORITHM,
        }
        for user in filled["users"]
        if passwords[user["name"]]
    ]
    host = environment.get("VIRTUAL_HOST") or "credits"
    filled["vhosts"] = [{"name": host}]
    for kind in ("permissions", "topic_permissions"):
        filled[kind] = [{**given, "vhost": host} for given in filled[kind] if passwords[given["user"]]]
    return filled


def variable_of(user: str) -> str:
    """The environment's variable with a user's password."""
    return f"BROKER_{user.removeprefix('credits-').upper()}_PASSWORD"


def hashed(password: str) -> str:
    """A password as RabbitMQ stores it."""
    salt = secrets.token_bytes(SALT_BYTES)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _for_exchange(name: str) -> str:
    """The template for another inbound exchange: its name as it is, and within regular expressions."""
    text = TEMPLATE.read_text()
    for before, after in ((re.escape(INBOUND_EXCHANGE), re.escape(name)), (INBOUND_EXCHANGE, name)):
        text = text.replace(json.dumps(before)[1:-1], json.dumps(after)[1:-1])
    return text


if __name__ == "__main__":
    json.dump(definitions(os.environ), sys.stdout, indent=2)
