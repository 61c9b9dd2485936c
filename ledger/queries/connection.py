"""Reads that survive a restart of the database."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

P = ParamSpec("P")
T = TypeVar("T")


def asked_again_if_lost(query: Callable[P, T]) -> Callable[P, T]:
    """Run a read once more, on a new connection, where the kept one turns out to be lost.

    A kept connection dies with a restart of the database, and the next read meets it. Django's own cure is a query
    before the first of every request; a read can simply be asked again, which costs nothing while all is well.
    Raises what the read raises where the database is really away, and at once within a transaction.
    """

    @wraps(query)
    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        connection.health_check_done = True  # type: ignore[attr-defined]  # not in the stubs
        try:
            return query(*args, **kwargs)
        except (InterfaceError, OperationalError):
            if connection.in_atomic_block or connection.connection is None or connection.is_usable():
                raise
            connection.close()
            return query(*args, **kwargs)

    return ask
