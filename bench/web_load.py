"""The load on the web: how many answers of GET /api/credits a server gives per second, as wrk counts them."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import jwt

from bench import merchants
from bench.row import Wrong
from bench.stand import SECRET
from tests.servers.install import SCRIPT, CannotInstall, way_to_root

CONNECTIONS = 16
WARM_UP_SECONDS = 2
TOKEN_SECONDS = 86_400
GENERATOR = "wrk"
LUA = Path(__file__).with_name("shops.lua")
PER_SECOND = re.compile(r"^Requests/sec:\s*([\d.]+)", re.MULTILINE)
REFUSED = re.compile(r"^\s*(Non-2xx or 3xx responses|Socket errors):.*$", re.MULTILINE)


def require_generator() -> None:
    """Install wrk, on Debian, where it is missing. Raises CannotInstall."""
    if shutil.which(GENERATOR):
        return
    become_root = way_to_root()
    if become_root is None or shutil.which("apt-get") is None:
        raise CannotInstall(f"this row needs {GENERATOR}: install it")
    command = [*become_root, "/bin/sh", "-c", SCRIPT, "install", GENERATOR]
    if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode != 0:
        raise CannotInstall(f"this row needs {GENERATOR}, and apt-get could not install it")


def token(number: int) -> str:
    """A token of that merchant's shop, as the BFF signs it."""
    claims = {"sub": merchants.domain(number), "scope": "bff:call", "exp": int(time.time()) + TOKEN_SECONDS}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def write_shops(file: Path) -> None:
    """A line for each merchant: token, platform, domain."""
    lines = (f"{token(n)} {merchants.PLATFORM} {merchants.domain(n)}\n" for n in range(merchants.COUNT))
    file.write_text("".join(lines))


def read_credits(base_url: str, number: int) -> Any:
    """The body that the server answers for one merchant. Raises OSError where it does not answer 200."""
    headers = {
        "Authorization": f"Bearer {token(number)}",
        "X-Shop-Platform": merchants.PLATFORM,
        "X-Shop-Domain": merchants.domain(number),
    }
    with urlopen(Request(f"{base_url}/api/credits", headers=headers), timeout=10) as response:
        return json.load(response)


def per_second(base_url: str, shops: Path, *, seconds: int) -> float:
    """Answers per second over so many seconds, warmed up. Raises Wrong where one is not a success."""
    _wrk(base_url, shops, WARM_UP_SECONDS)
    return _wrk(base_url, shops, seconds)


def _wrk(base_url: str, shops: Path, seconds: int) -> float:
    command = [GENERATOR, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(LUA), base_url, "--", str(shops)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if refused := REFUSED.search(said):
        raise Wrong(f"{base_url}: {refused[0].strip()}")
    counted = PER_SECOND.search(said)
    if counted is None:
        raise Wrong(f"{GENERATOR} said no figure:\n{said}")
    return float(counted[1])
