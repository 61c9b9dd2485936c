"""The ledger's errors: each one's docstring is its default message."""


class LedgerError(Exception):
    """The ledger could not do what it was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Trouble(LedgerError):
    """The database is away or can't write at the moment; the same request may succeed later."""


class Refused(LedgerError):
    """This can't be done as it was asked."""

    def __init__(self, message: str | None = None, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field  # what can't be accepted, where it is one thing

    def __str__(self) -> str:
        return f"{self.field}: {super().__str__()}" if self.field else super().__str__()
