"""A TCP proxy between a client and a server that can swallow answers, cut connections, and let nobody through."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Forwards to the server at `url`; its own `url` leads through it.

    cut() ends all connections; new ones are served. silence() lets no further answer of the server through to
    the client until speak(): what it sends still reaches the server. close_door() cuts and refuses until open_door().
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
        self._closed = threading.Event()
        self._sockets: list[socket.socket] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        self._acceptor.join(timeout=5)

    def cut(self) -> None:
        """End every connection, on both sides."""
        while self._sockets:
            end(self._sockets.pop())

    def silence(self) -> None:
        """Swallow the server's answers from now on."""
        self._silent.set()

    def speak(self) -> None:
        """Let answers through again, on connections opened from now on."""
        self.cut()
        self._silent.clear()

    def close_door(self) -> None:
        """End every connection and let no new one through."""
        self._closed.set()
        self.cut()

    def open_door(self) -> None:
        """Serve new connections again."""
        self._closed.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                server = self._connected()
            except OSError:
                end(client)
                continue
            self._sockets += [client, server]
            self._start(client, server, swallow=False)
            self._start(server, client, swallow=True)

    def _connected(self) -> socket.socket:
        if self._closed.is_set():
            raise ConnectionRefusedError
        return socket.create_connection(self._target)

    def _start(self, source: socket.socket, sink: socket.socket, *, swallow: bool) -> None:
        threading.Thread(target=self._forward, args=(source, sink, swallow), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, swallow: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not (swallow and self._silent.is_set()):
                    sink.sendall(data)
        for each in (source, sink):
            end(each)
            with suppress(ValueError):
                self._sockets.remove(each)


def end(one: socket.socket) -> None:
    """Close a socket, and wake whoever reads from it."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
