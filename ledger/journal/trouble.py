"""Trouble or not: what an error of the database tells of, by its code."""

from django.db import InterfaceError, OperationalError

# SQLSTATE classes and codes that tell of the database's state, not of a message: connection, read-only,
# a transaction that took too long, rollback and deadlock, resources, lock not available, operator intervention, system.
TROUBLE = ("08", "25006", "25P03", "25P04", "40", "53", "55P03", "57", "58")
DUPLICATE = "23505"
# SQLite's primary result codes for the same: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL.
SQLITE_TROUBLE = frozenset({5, 6, 7, 8, 10, 13, 14, 15})
SQLITE_DUPLICATES = frozenset({1555, 2067})  # of a primary key, of a unique index


def is_trouble(error: BaseException) -> bool:
    """Whether an error tells of the database's state, so that the same batch may pass later."""
    cause = error.__cause__ or error
    code = getattr(cause, "pgcode", None)
    if code:
        return str(code).startswith(TROUBLE)
    sqlite_code = getattr(cause, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return (sqlite_code & 0xFF) in SQLITE_TROUBLE
    # Without a code the server never answered: the connection could not be made, or was cut.
    return isinstance(error, OperationalError | InterfaceError)


def is_duplicate(error: BaseException) -> bool:
    """Whether an error tells that another transaction wrote the same key first."""
    cause = error.__cause__ or error
    return getattr(cause, "pgcode", None) == DUPLICATE or getattr(cause, "sqlite_errorcode", None) in SQLITE_DUPLICATES
