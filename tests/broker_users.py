"""The broker's users of deploy/rabbitmq/definitions.json, in a virtual host of a test's own.

    with management.virtual_host(name="…") as host:
        users = broker_users(host)                # before anything is declared
        users["deployer"]                         # broker URL for declare_topology
        users["service"]                          # of workers and beat
        users["web"], users["producer"], users["inbound"], users["subscriber"], users["monitor"]

They go with the virtual host.
"""

import importlib.util
import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from creditsvc.environment import BASE_DIR
from tests.servers.management import VirtualHost, quoted

SCRIPT = BASE_DIR / "deploy" / "rabbitmq" / "definitions.py"
PREFIX = "credits-"


def broker_users(host: VirtualHost, *, inbound_exchange: str = "") -> dict[str, str]:
    """Make the users with just what deploy/ gives them; their broker URLs by role."""
    script = deploy_script()
    names = [user["name"] for user in json.loads(script.TEMPLATE.read_text())["users"]]
    passwords = {name: secrets.token_hex(16) for name in names}
    environment = {script.variable_of(name): password for name, password in passwords.items()}
    made = script.definitions({**environment, "VIRTUAL_HOST": host.name, "INBOUND_EXCHANGE": inbound_exchange})
    # Users belong to all virtual hosts: each test's have names of their own.
    for name in names:
        host.users.append(_own(host, name))
    for user in made["users"]:
        user["name"] = _own(host, user["name"])
    for given in (*made["permissions"], *made["topic_permissions"]):
        given["user"] = _own(host, given["user"])
    host.management.import_definitions(made)
    place = urlsplit(host.management.broker_url)
    return {
        name.removeprefix(PREFIX): f"amqp://{quoted(_own(host, name))}:{passwords[name]}"
        f"@{place.hostname}:{place.port or 5672}/{quoted(host.name)}"
        for name in names
    }


def deploy_script() -> Any:
    """The module deploy/rabbitmq/definitions.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("credits_definitions", SCRIPT)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _own(host: VirtualHost, name: str) -> str:
    return f"{host.name}-{name.removeprefix(PREFIX)}"
