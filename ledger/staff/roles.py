"""Staff's roles: who may look, who may change, and who may approve what others asked for."""

from django.contrib.auth.models import Group, Permission
from django.db.transaction import atomic

LOOK = (
    "view_account",
    "view_accountchange",
    "view_adjustment",
    "view_hold",
    "view_lot",
    "view_outboxrow",
    "view_parkedmessage",
    "view_shopdifference",
    "view_transaction",
    "view_waitingcommand",
)
ROLES: dict[str, tuple[str, ...]] = {
    "viewer": LOOK,
    "adjuster": (*LOOK, "add_transaction", "change_account", "change_parkedmessage"),
    "approver": (*LOOK, "change_adjustment"),
}


def make_roles() -> list[str]:
    """Make the roles as groups, or give those that are there just these permissions again; their names."""
    with atomic():
        for name, codenames in ROLES.items():
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set(
                Permission.objects.get(content_type__app_label="ledger", codename=codename) for codename in codenames
            )
    return list(ROLES)
