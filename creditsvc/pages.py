"""Staff's pages as a Django application that imports them where they are served or checked, not in every process."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class StaffPages(SimpleAdminConfig):
    """django.contrib.admin, whose checks find the pages whatever else has been imported."""

    def ready(self) -> None:
        """Register the admin's checks."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_pages, checks.Tags.admin)


def check_pages(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    """Every page of staff's, as Django checks them."""
    admin.autodiscover()
    messages: list[checks.CheckMessage] = check_admin_app(app_configs, **options)
    return messages
