"""Middleware of pages for people, run for these alone: a read of the API needs no session, user, form or policy."""

from typing import Any, cast

from csp.middleware import CSPMiddleware, PolicyParts
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.deprecation import MiddlewareMixin

ADMIN = "/admin"
DOCUMENTS = "/api/docs"


class ForStaff(MiddlewareMixin):
    """Stands before one of Django's: passes on, untouched, every request that is not for the admin.

    One a class, since Django's own checks look for each of them in settings.MIDDLEWARE.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(ADMIN):
            return cast(HttpResponseBase, self.get_response(request))
        return cast(HttpResponseBase, super().__call__(request))


class StaffSession(ForStaff, SessionMiddleware):
    """The session that a cookie names."""


class StaffCommon(ForStaff, CommonMiddleware):
    """ALLOWED_HOSTS, and the slash at the end of a path."""


class StaffCsrf(ForStaff, CsrfViewMiddleware):
    """Forms come from our own pages."""


class StaffAuthentication(ForStaff, AuthenticationMiddleware):
    """Who is logged in."""


class StaffMessages(ForStaff, MessageMiddleware):
    """What the last page did."""


class StaffXFrameOptions(ForStaff, XFrameOptionsMiddleware):
    """No page in another site's frame."""


class PagesContentSecurity(CSPMiddleware):
    """What a page may load and run. The API's answers are no pages."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith((ADMIN, DOCUMENTS)):
            return cast(HttpResponseBase, self.get_response(request))
        return cast(HttpResponseBase, super().__call__(request))

    def get_policy_parts(self, request: HttpRequest, *args: Any, **kwargs: Any) -> PolicyParts:
        """The documents' scripts evaluate nothing."""
        parts = super().get_policy_parts(request, *args, **kwargs)
        if request.path_info.startswith(DOCUMENTS):
            parts.replace = {"script-src": ["'self'"]}
        return parts
