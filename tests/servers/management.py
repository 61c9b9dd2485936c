"""RabbitMQ's management API, as far as tests need it: virtual hosts, users, permissions, queues."""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from kombu.connection import Connection

EVERYTHING = ".*"
NOTHING = "^$"
TIMEOUT_SECONDS = 30.0


class ManagementRefused(Exception):
    """The management API answered something other than success; the message says to what."""


@dataclass(frozen=True, kw_only=True)
class Management:
    """A broker's management API at `url` (http, administrator's user and password in it); AMQP at `broker_url`."""

    url: str
    broker_url: str

    def answers(self) -> bool:
        """Whether the node is up and takes AMQP connections."""
        try:
            self._call("GET", "/api/health/checks/port-listener/" + str(urlsplit(self.broker_url).port))
        except (OSError, HTTPException, ManagementRefused):
            return False
        return True

    @contextmanager
    def virtual_host(self, *, name: str) -> Iterator["VirtualHost"]:
        """A new virtual host with a user who may do everything in it; all of it goes when the block ends."""
        host = VirtualHost(management=self, name=name)
        self._call("PUT", f"/api/vhosts/{quoted(name)}")
        try:
            host.url = host.create_user(configure=EVERYTHING, write=EVERYTHING, read=EVERYTHING)
            yield host
        finally:
            self._call("DELETE", f"/api/vhosts/{quoted(name)}")
            for user in host.users:
                self._call("DELETE", f"/api/users/{quoted(user)}")

    def create_user(self, *, name: str, password: str) -> None:
        """A user who can't do anything yet."""
        self._call("PUT", f"/api/users/{quoted(name)}", {"password": password, "tags": ""})

    def permit(self, *, user: str, host: str, configure: str, write: str, read: str) -> None:
        """Set what a user may do in a virtual host; each is a regular expression over names of exchanges and queues."""
        permissions = {"configure": configure, "write": write, "read": read}
        self._call("PUT", f"/api/permissions/{quoted(host)}/{quoted(user)}", permissions)

    def import_definitions(self, definitions: dict[str, Any]) -> None:
        """Add virtual hosts, users and permissions as RabbitMQ's definitions files hold them."""
        self._call("POST", "/api/definitions", definitions)

    def queues(self) -> list[dict[str, Any]]:
        """All queues, as the API shows them without statistics: vhost, name, type, exclusive, arguments, …"""
        queues: list[dict[str, Any]] = self._call("GET", "/api/queues?disable_stats=true")
        return queues

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        """One request; returns the JSON of the answer, None where it has no body."""
        place = urlsplit(self.url)
        secret = f"{unquote(place.username or '')}:{unquote(place.password or '')}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(secret).decode()}", "Content-Type": "application/json"}
        connection = HTTPConnection(place.hostname or "", place.port or 15672, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise ManagementRefused(f"{method} {path}: {response.status} {content.decode(errors='replace')}")
        return json.loads(content) if content else None


@dataclass(kw_only=True)
class VirtualHost:
    """A virtual host of a test's own: `url` is its owner's broker URL."""

    management: Management
    name: str
    url: str = ""
    users: list[str] = field(default_factory=list)

    def create_user(self, *, configure: str = NOTHING, write: str = NOTHING, read: str = NOTHING) -> str:
        """A further user of this virtual host, who may do that much (regular expressions); returns their broker URL."""
        user, password = f"{self.name}-{len(self.users)}", secrets.token_hex(8)
        self.management.create_user(name=user, password=password)
        self.users.append(user)
        self.management.permit(user=user, host=self.name, configure=configure, write=write, read=read)
        place = urlsplit(self.management.broker_url)
        return f"amqp://{quoted(user)}:{password}@{place.hostname}:{place.port or 5672}/{quoted(self.name)}"

    def messages(self) -> dict[str, int]:
        """How many messages wait in each of its queues at this moment, those in a consumer's hands not counted."""
        queues = [q["name"] for q in self.management.queues() if q["vhost"] == self.name and not q["exclusive"]]
        # The API's own counts are seconds old.
        with Connection(self.url) as connection:  # type: ignore[no-untyped-call]
            channel = connection.default_channel
            return {name: channel.queue_declare(name, passive=True).message_count for name in queues}


def quoted(name: str) -> str:
    return quote(name, safe="")
