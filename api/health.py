"""Whether the service is alive, and whether it is ready: for the machines that start, stop and route to it."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ledger.queries.backlog import unpublished
from ledger.queries.readiness import migrations_are_applied

OUTBOX_LATE_SECONDS = 60

logger = structlog.get_logger(__name__)

# The broker is asked by a function that settings name, since the API knows no broker. () -> bool, within two seconds.
broker_is_there: Callable[[], bool] = import_string(settings.BROKER_PROBE)


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; nothing else is touched."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """503 where the database or its migrations are not there; else 200, degraded where only events are held up.

    Reads need neither broker nor outbox, so neither takes the service out of rotation.
    """
    try:
        checks = _database_checks()
    except Error as error:
        logger.warning("database_away", error=str(error).strip())
        checks = {"database": "away"}
    if set(checks.values()) - {"ok", "late"}:
        return JsonResponse({"status": "unavailable", "checks": checks}, status=503)
    checks["broker"] = "ok" if broker_is_there() else "away"
    status = "ready" if set(checks.values()) == {"ok"} else "degraded"
    return JsonResponse({"status": status, "checks": checks})


def _database_checks() -> dict[str, str]:
    if not migrations_are_applied():
        return {"database": "ok", "migrations": "missing"}
    is_late = unpublished().oldest_seconds > OUTBOX_LATE_SECONDS
    return {"database": "ok", "migrations": "ok", "outbox": "late" if is_late else "ok"}
