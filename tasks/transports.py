"""Transports: what a broker's URL leads to, by name: Redis's and SQLAlchemy's are imported where that is the broker."""

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

OURS = {
    "redis": "tasks.redis_envelopes:Transport",
    "rediss": "tasks.redis_envelopes:Transport",
    "sqla": "tasks.embedded:Transport",
}


def install() -> None:
    """Have these URLs lead to our transports, in this process, from now on."""
    TRANSPORT_ALIASES.update(OURS)


def is_embedded(app: Celery) -> bool:
    """Whether the broker is the embedded one (SQLAlchemy over SQLite)."""
    return str(app.conf.broker_url).startswith("sqla+")
