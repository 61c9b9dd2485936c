"""What a read may raise."""

from typing import Any

from credits_client.errors import CreditsClientError


class ReadRefused(CreditsClientError):
    """The service refused: status is HTTP's, code the contract's (UNAUTHORIZED, CREDIT_ACCOUNT_NOT_FOUND, …).

    details names the fields of a VALIDATION_ERROR. Asking again the same way is refused again.
    """

    def __init__(self, status: int, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(status, code, message, details)
        self.status, self.code, self.message, self.details = status, code, message, details

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.message} {self.details or ''}".strip()


class NoAnswer(CreditsClientError):
    """The service could not be reached, or could not answer, in any attempt. Asking again later is safe."""
