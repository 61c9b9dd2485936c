"""The ledger's errors: each one's docstring is its default message."""


class LedgerError(Exception):
    """The ledger could not do what it was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Trouble(LedgerError):
    """The database is away or can't write at the moment; the same request may succeed later."""


class ReferenceRace(LedgerError):
    """A reference of this batch was being used for another merchant at the same moment."""
