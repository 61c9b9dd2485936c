"""Members of staff, signed in."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

SignIn = Callable[..., Client]


@pytest.fixture
def superuser(db: None) -> Client:
    """The client of a superuser."""
    return _client(User.objects.create_superuser("root", password=None))


@pytest.fixture
def staff_with(db: None) -> SignIn:
    """Signs in a member of staff who has these of the ledger's permissions, such as view_account."""

    def sign_in(*codenames: str) -> Client:
        user = User.objects.create_user(f"staff-{User.objects.count()}", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="ledger", codename__in=codenames))
        return _client(user)

    return sign_in


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
