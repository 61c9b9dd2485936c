"""A private Redis."""

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from typing import Self

from redis import Redis as Client
from redis.exceptions import RedisError

from tests.servers.ports import free_ports
from tests.servers.server import Server

PACKAGE = "redis-server"

IN_MEMORY = 'appendonly no\nsave ""'
# As docs ask of a Redis that carries commands. What was answered is in the system's hands: it survives a kill.
APPEND_ONLY = 'appendonly yes\nappendfsync everysec\nsave ""'


def find_binary() -> str | None:
    """The path of redis-server; None: not installed."""
    return shutil.which("redis-server")


class Redis(Server):
    """A Redis with sixteen logical databases."""

    name = "redis"

    def __init__(self, *, persistence: str) -> None:
        super().__init__()
        self.port = free_ports(1)[0]
        self._password = secrets.token_hex(16)
        self._persistence = persistence

    @classmethod
    def in_memory(cls) -> Self:
        """Keeps nothing when it ends."""
        return cls(persistence=IN_MEMORY)

    @classmethod
    def append_only(cls) -> Self:
        """Writes down each change, and finds it again after restart()."""
        return cls(persistence=APPEND_ONLY)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def _prepare(self) -> None:
        lines = ["bind 127.0.0.1", f"port {self.port}", f"requirepass {self._password}", self._persistence]
        (self.folder / "redis.conf").write_text("\n".join(lines) + "\n")

    def _command(self) -> Sequence[str]:
        binary = find_binary()
        if binary is None:
            raise FileNotFoundError(f"Redis is not installed: apt-get install {PACKAGE}")
        return [binary, "redis.conf"]

    def _environment(self) -> Mapping[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def _answers(self) -> bool:
        client = Client.from_url(self.url)
        try:
            return bool(client.ping())
        except RedisError:  # refused, or still reading its file
            return False
        finally:
            client.close()
