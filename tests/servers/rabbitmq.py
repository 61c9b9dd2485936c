"""A private RabbitMQ node."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.management import Management
from tests.servers.ports import free_ports
from tests.servers.server import POLL_SECONDS, Server, ServerFailed

PACKAGE = "rabbitmq-server"
USER = "tests"
ON_DISK_WITHIN_SECONDS = 30.0

# epmd is the port mapper that every Erlang node needs. One of its own, in the foreground and in the node's process
# group, or Erlang would start a daemon that outlives the node.
SCRIPT = """
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 &
until epmd -port "$ERL_EPMD_PORT" -names; do sleep 0.05; done
exec "$0"
"""
# The management plugin is here for its HTTP API alone: a virtual host takes it 20 ms, a rabbitmqctl call a second.
# Its statistics are off, so that nothing is slower for it.
CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
default_user = {user}
default_pass = {password}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
management.disable_stats = true
management_agent.disable_metrics_collector = true
log.console = true
log.file = false
"""
# No spinning of idle schedulers: the machine's cores are for what is being tested.
ERLANG_ARGUMENTS = "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"


def find_script() -> Path | None:
    """RabbitMQ's own start script, not the packagers' wrapper, which insists on a user; None: not installed."""
    if shutil.which("epmd") is None:
        return None
    debian = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    elsewhere = [Path(path) for path in [shutil.which("rabbitmq-server")] if path]
    return next(iter([*debian[-1:], *elsewhere]), None)


class RabbitMQ(Server):
    """A node with the management API, one administrator and the virtual host "/"; nothing else is declared."""

    name = "rabbitmq"
    ready_within_seconds = 120.0

    def __init__(self, *, advanced: str = "") -> None:
        """advanced holds Erlang terms for what rabbitmq.conf can't say."""
        super().__init__()
        self._advanced = advanced
        self.port, self._management_port, self._epmd_port, self._distribution_port = free_ports(4)
        self._password = secrets.token_hex(16)

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self.port}/%2F"

    @property
    def management_url(self) -> str:
        """Where the management API answers, with the administrator's user and password."""
        return f"http://{USER}:{self._password}@127.0.0.1:{self._management_port}"

    @property
    def management(self) -> Management:
        """To make virtual hosts and users with."""
        return Management(url=self.management_url, broker_url=self.url)

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` against it; what it prints. Raises CalledProcessError where that fails."""
        script = find_script()
        if script is None:
            raise FileNotFoundError(f"RabbitMQ is not installed: apt-get install {PACKAGE}")
        command = [str(script.with_name("rabbitmqctl")), *arguments]
        environment = dict(self._environment())
        return subprocess.run(
            command, env=environment, cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout

    def kill(self) -> None:
        """SIGKILL it, but not within 4 s of a quorum queue's declaration, which the queue would not survive.

        Until then its name is in no file, and after a restart nobody leads it: clients get error 541. A service's
        queues are declared when it is deployed, long before a crash that is worth a test.
        """
        if self.management.answers():
            self._wait_until_queues_are_on_disk()
        super().kill()

    def _wait_until_queues_are_on_disk(self) -> None:
        names = [internal_name(queue) for queue in self.management.queues() if queue["type"] == "quorum"]
        deadline = time.monotonic() + ON_DISK_WITHIN_SECONDS
        while not all(name in self._names_on_disk() for name in names):
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} has not written its quorum queues' names down:\n{self._log_tail()}")
            time.sleep(POLL_SECONDS)

    def _names_on_disk(self) -> bytes:
        files = self.folder.glob("data/*/quorum/*/names.dets")
        return b"".join(file.read_bytes() for file in files)

    def _prepare(self) -> None:
        configuration = CONFIGURATION.format(
            port=self.port, user=USER, password=self._password, management_port=self._management_port
        )
        (self.folder / "rabbitmq.conf").write_text(configuration)
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        if self._advanced:
            (self.folder / "advanced.config").write_text(self._advanced)

    def _command(self) -> Sequence[str]:
        script = find_script()
        if script is None:
            raise FileNotFoundError(f"RabbitMQ is not installed: apt-get install {PACKAGE}")
        return ["/bin/sh", "-c", SCRIPT, str(script)]

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),  # the Erlang cookie's place
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"credits-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / ("advanced.config" if self._advanced else "none")),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_ARGUMENTS,
        }

    def _answers(self) -> bool:
        return self.management.answers()


def internal_name(queue: Mapping[str, str]) -> bytes:
    """What RabbitMQ calls a quorum queue in its files."""
    host = "%2F" if queue["vhost"] == "/" else queue["vhost"]
    return f"{host}_{queue['name']}".encode()
