"""python -m tests.servers run -- COMMAND: runs a command with real servers at hand; what is missing is started for it.

run -- COMMAND  with TEST_DATABASE_URL, TEST_RABBITMQ_URL, TEST_RABBITMQ_MANAGEMENT_URL and TEST_REDIS_URL set; exits
                with the command's code. A server whose variable is set already is taken as it is, never started.
start           starts the same servers, prints the variables, and keeps them until Ctrl-C.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import FrameType

from tests.servers import postgresql, rabbitmq, redis
from tests.servers.install import CannotInstall, require
from tests.servers.postgresql import PostgreSQL
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.redis import Redis
from tests.servers.server import Server, ServerFailed

DATABASE = "TEST_DATABASE_URL"
BROKER = "TEST_RABBITMQ_URL"
MANAGEMENT = "TEST_RABBITMQ_MANAGEMENT_URL"
CACHE = "TEST_REDIS_URL"

PACKAGES = {DATABASE: postgresql.PACKAGE, BROKER: rabbitmq.PACKAGE, CACHE: redis.PACKAGE}
STARTERS: dict[str, Callable[[], Server]] = {
    DATABASE: PostgreSQL.for_tests,
    BROKER: RabbitMQ,
    CACHE: Redis.in_memory,
}
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Refused(Exception):
    """What is asked can't be done; the message is one line for the caller."""


class Runner:
    """Starts what is missing, runs one command beside it, and stops it again whatever ends the command."""

    def __init__(self, *, given: Mapping[str, str]) -> None:
        self._given = given
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, command: Sequence[str]) -> int:
        """Run the command; returns its exit code, 128 + n where signal n ended it."""
        with ExitStack() as started:
            variables = self._start(started)
            self._child = subprocess.Popen(command, env={**os.environ, **variables})
            code = self._child.wait()
        return code if code >= 0 else 128 - code

    def keep(self) -> int:
        """Print the variables as a shell takes them, and wait for a signal."""
        with ExitStack() as started:
            for name, value in self._start(started).items():
                say(f"export {name}={shlex.quote(value)}")
            signal.pause()
        return 0

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Hand the signal to the command, whose end ends us; without a command, end."""
        if self._child is None:
            raise SystemExit(128 + number)
        # A terminal's Ctrl-C has reached the command already, and pytest takes a second one as "don't clean up".
        if number != signal.SIGINT and self._child.poll() is None:
            self._child.send_signal(number)

    def _start(self, started: ExitStack) -> dict[str, str]:
        """Start the missing servers, all at once; returns the variables that lead to them."""
        missing = [variable for variable in STARTERS if not self._given.get(variable)]
        require([PACKAGES[variable] for variable in missing])
        servers = {variable: STARTERS[variable]() for variable in missing}
        for server in servers.values():
            started.callback(server.stop)
            server.launch()
        for server in servers.values():
            server.wait_until_ready()
        variables = {variable: server.url for variable, server in servers.items()}
        broker = servers.get(BROKER)
        if isinstance(broker, RabbitMQ):
            variables[MANAGEMENT] = broker.management_url
        return variables


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__, formatter_class=AS_WRITTEN)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("start")
    actions.add_parser("run").add_argument("command", nargs="+")
    return parser.parse_args(arguments)


AS_WRITTEN = argparse.RawDescriptionHelpFormatter


def main(arguments: Sequence[str]) -> int:
    asked = parse(arguments)
    runner = Runner(given=os.environ)
    for number in ENDING_SIGNALS:
        signal.signal(number, runner.on_signal)
    try:
        if os.environ.get(BROKER) and not os.environ.get(MANAGEMENT):
            raise Refused(f"{BROKER} needs {MANAGEMENT} beside it (http://administrator:password@host:15672)")
        return runner.run(asked.command) if asked.action == "run" else runner.keep()
    except (Refused, CannotInstall, ServerFailed) as refusal:
        sys.stderr.write(f"tests.servers: {refusal}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
