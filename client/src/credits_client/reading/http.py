"""The conversation: one connection kept, attempts again while the service is away, refusals as errors."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from credits_client.reading.errors import NoAnswer, ReadRefused
from credits_client.reading.tokens import Token

ATTEMPTS = 4
AWAY = (502, 503, 504)


class Conversation:
    """Asks one credit service. Use it in a with statement, or close it. Not to be shared by threads."""

    def __init__(self, base_url: str, *, token: Token, timeout_s: float = 5.0, attempts: int = ATTEMPTS) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._session = requests.Session()
        again = Retry(
            total=attempts - 1,
            backoff_factor=0.2,
            status_forcelist=AWAY,
            allowed_methods=None,  # a POST only reads, too
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=again))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._session.close()

    def _ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **parts: Any) -> dict[str, Any]:
        """The envelope of a good answer. Raises ReadRefused or NoAnswer."""
        sent = {"Authorization": f"Bearer {self._token()}", **(headers or {})}
        try:
            response = self._session.request(
                method, f"{self._base_url}{path}", headers=sent, timeout=self._timeout_s, **parts
            )
            envelope: dict[str, Any] = response.json()
            error = envelope["error"]
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise NoAnswer(f"{method} {path}: {type(error).__name__}") from error
        if response.status_code in AWAY or response.status_code == 500:
            raise NoAnswer(f"{method} {path}: {response.status_code}")
        if error is not None:
            raise ReadRefused(response.status_code, error["code"], error["message"], error["details"])
        return envelope
