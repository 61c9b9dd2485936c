"""A TCP proxy between client and broker that can swallow the broker's answers, and cut connections."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Forwards to the broker at `url`; its own `url` leads through it.

    cut() ends all connections; new ones are served. silence() lets no further answer of the broker through to
    the client until speak(): what it sends still reaches the broker.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port)
        self._server = socket.create_server(("127.0.0.1", 0))
        login = parts.netloc.rpartition("@")[0]
        place = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.url = urlunsplit(parts._replace(netloc=f"{login}@{place}" if login else place))
        self.accepted = 0
        self._silent = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=5)

    def cut(self) -> None:
        """End every connection, on both sides."""
        while self._sockets:
            end(self._sockets.pop())

    def silence(self) -> None:
        """Swallow the broker's answers from now on."""
        self._silent.set()

    def speak(self) -> None:
        """Let answers through again, on connections opened from now on."""
        self.cut()
        self._silent.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.accepted += 1
            broker = socket.create_connection(self._target)
            self._sockets += [client, broker]
            self._start(client, broker, swallow=False)
            self._start(broker, client, swallow=True)

    def _start(self, source: socket.socket, sink: socket.socket, *, swallow: bool) -> None:
        thread = threading.Thread(target=self._forward, args=(source, sink, swallow), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _forward(self, source: socket.socket, sink: socket.socket, swallow: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not (swallow and self._silent.is_set()):
                    sink.sendall(data)
        end(source)
        end(sink)


def end(one: socket.socket) -> None:
    """Close a socket, and wake whoever reads from it."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
