"""Declare exchanges, queues and bindings at the broker: once a deployment, before the workers start."""

from typing import Any

from django.core.management.base import CommandError

from creditsvc.celery import app
from ledger.management.terminal import TerminalCommand
from tasks.topology import declare


class Command(TerminalCommand):
    """`manage.py declare_topology`"""

    help = "Declare what celeryconfig.py names: exchanges, queues and bindings. Running it again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Declare all and print the queues' names."""
        try:
            names = declare(app)
        except Exception as error:
            raise CommandError(f"the broker refused: {error}") from error
        for name in names:
            self.stdout.write(name)
