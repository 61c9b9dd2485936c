"""The WSGI application that gunicorn serves."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "creditsvc.settings")

django = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018  (imports every view now, not while the first caller waits)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django, which is not told of a charset: everything here is UTF-8.

    A Content-Type such as "text/plain; charset=hex" would make Django fail before any code of ours could answer.
    """
    content_type = environ.get("CONTENT_TYPE", "")
    if "charset" in content_type.lower():
        parts = content_type.split(";")
        environ["CONTENT_TYPE"] = ";".join(part for part in parts if "charset" not in part.lower())
    return django(environ, start_response)
