"""The terminal: who sits at it, what may be shown on it, what is typed there, and whether they are sure."""

import getpass
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime

from django.core.management.base import BaseCommand

from ledger.events import rfc3339


class TerminalCommand(BaseCommand):
    """A command that starts without Django's checks, for which it would load every page: half of its start.

    `make check` and `manage.py check` run them.
    """

    requires_system_checks = ()


def add_person(parser: ArgumentParser, option: str) -> None:
    """Give a command the option that says who acts."""
    help_ = "who you are; your user name, unless told otherwise"
    parser.add_argument(option, type=_person, default=_somebody(), help=help_)


def _person(text: str) -> str:
    """Who somebody says they are. Raises ArgumentTypeError where that is nobody, as an unset $USER is."""
    if not text.strip():
        raise ArgumentTypeError("names nobody")
    return text


def _somebody() -> str:
    """The name of whoever runs this; a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


def harmless(text: str) -> str:
    """The text with control characters written out: a message must not steer the terminal that shows it."""
    return "".join(sign if sign.isprintable() or sign == "\n" else f"\\x{ord(sign):02x}" for sign in text)


def is_confirmed(question: str) -> bool:
    """Whether somebody answers yes; nobody does where there is no terminal to answer at."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def moment(text: str) -> datetime:
    """A time with its zone. Raises ArgumentTypeError for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time such as {rfc3339(datetime.now().astimezone())}") from error
    if at.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} names no time zone")
    return at
