"""`manage.py roles`: make staff's three roles, once a deployment."""

from typing import Any

from ledger.management.terminal import TerminalCommand
from ledger.staff.roles import make_roles


class Command(TerminalCommand):
    """manage.py roles"""

    help = (
        "Makes staff's roles as groups: viewer, adjuster, approver. Run it after `migrate`; running it again gives "
        "them back the permissions that they are meant to have. Who has which role stays as it is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in make_roles():
            self.stdout.write(name)
