"""Free ports of 127.0.0.1, and where connections of our own can't take them."""

import random
import socket

# Below the range from which Linux takes the ports of outgoing connections (32768 and above): a server that was
# killed must find its port free when it comes back.
CANDIDATES = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return that many different ports on which nothing listens now. Raises RuntimeError where there are too few."""
    found: list[int] = []
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if len(found) == count:
            return found
        if is_free(port):
            found.append(port)
    raise RuntimeError(f"fewer than {count} free ports between {CANDIDATES.start} and {CANDIDATES.stop}")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
