"""Finds out which servers' binaries are missing, and installs them on Debian without starting any service."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial

from tests.servers import postgresql, rabbitmq, redis

FINDERS: dict[str, Callable[[], object]] = {
    postgresql.PACKAGE: postgresql.find_binaries,
    rabbitmq.PACKAGE: rabbitmq.find_script,
    redis.PACKAGE: redis.find_binary,
    "nodejs": partial(shutil.which, "node"),
    "npm": partial(shutil.which, "npm"),
    "chromium": partial(shutil.which, "chromium"),
}

# Debian's packages ask /usr/sbin/policy-rc.d before they start a service; 101 forbids it. One that the machine's
# owner has put there stays as it is.
SCRIPT = """
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -qy --no-install-recommends "$@"
"""


class CannotInstall(Exception):
    """Binaries are missing and can't be installed from here; the message says in one line what to install."""


def require(packages: Sequence[str]) -> None:
    """Install those of these packages whose binaries are missing. Raises CannotInstall."""
    missing = [package for package in packages if FINDERS[package]() is None]
    if not missing:
        return
    names = " ".join(missing)
    become_root = way_to_root()
    if become_root is None or shutil.which("apt-get") is None:
        raise CannotInstall(f"these tests need real servers: install {names}, or set {VARIABLES} to servers for tests")
    command = [*become_root, "/bin/sh", "-c", SCRIPT, "install", *missing]
    if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode != 0:
        raise CannotInstall(f"these tests need real servers, and apt-get could not install {names}")


VARIABLES = "TEST_DATABASE_URL, TEST_RABBITMQ_URL, TEST_REDIS_URL"


def way_to_root() -> list[str] | None:
    """What to put before a command so that root runs it without a question; None: there is no way."""
    if os.geteuid() == 0:
        return []
    asked = ["sudo", "-n", "true"]
    if shutil.which("sudo") and subprocess.run(asked, check=False, capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None
