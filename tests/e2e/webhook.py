"""Somebody's webhook: a real HTTP server on this machine that keeps what it is told, merchant by merchant."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

SECRET = "a secret that only the receiver of the webhook shares"
LONGEST_HOLD_SECONDS = 8.0


class Webhook:
    """The calls so far, and how merchants' calls are answered: 204, unless they are failing or held."""

    def __init__(self) -> None:
        self.url = ""
        self.failing: set[str] = set()
        self.held: dict[str, Event] = {}
        self._calls: list[tuple[dict[str, str], bytes]] = []
        self._lock = Lock()

    def calls(self, merchant_id: str) -> list[tuple[dict[str, str], bytes]]:
        """Headers and body of each call about a merchant, in the order of their coming."""
        with self._lock:
            return [(headers, body) for headers, body in self._calls if merchant_id.encode() in body]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Keep one call; the status that it is answered with."""
        merchant_id = json.loads(body)["data"]["merchant_id"]
        with self._lock:
            self._calls.append((headers, body))
        if merchant_id in self.held:
            self.held[merchant_id].wait(LONGEST_HOLD_SECONDS)
        return 500 if merchant_id in self.failing else 204


@contextmanager
def listening_webhook() -> Iterator[Webhook]:
    """A webhook that answers until the block ends."""
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(webhook.take(dict(self.headers.items()), body))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: what came is looked at by the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        webhook.url = f"http://127.0.0.1:{server.server_port}/credits"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield webhook
        finally:
            server.shutdown()
            thread.join()
