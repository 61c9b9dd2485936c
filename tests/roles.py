"""The database's roles of deploy/postgresql/roles.sql, applied to a database of a test's own.

service_url = apply_roles(owner_url)                 # workers, beat, audit, prune, simulate
web_url = login(owner_url, role="credits_web")       # web, admin, staff's commands; and so for the other roles
drop_logins(owner_url)                               # what login() made, once nobody uses the database
"""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from creditsvc.environment import BASE_DIR

SERVICE, WEB, REDACTION, READER = "credits_service", "credits_web", "credits_redaction", "credits_reader"
SCRIPT = BASE_DIR / "deploy" / "postgresql" / "roles.sql"


def apply_roles(owner_url: str) -> str:
    """Grant the roles what they may do in a migrated database; the URL of a login of the service's role."""
    with _cursor(owner_url) as cursor:
        # Roles belong to all databases of a server: two runs at once would meet there.
        cursor.execute("SELECT pg_advisory_lock(hashtext('credits roles'))")
        cursor.execute(SCRIPT.read_text())
    return login(owner_url, role=SERVICE)


def login(owner_url: str, *, role: str) -> str:
    """The database's URL for a new login that is a member of a role, and nothing else."""
    place = urlsplit(owner_url)
    name, password = f"{_prefix(owner_url)}{secrets.token_hex(4)}", secrets.token_hex(16)
    with _cursor(owner_url) as cursor:
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}")
        cursor.execute(statement.format(sql.Identifier(name), sql.Literal(password), sql.Identifier(role)))
    return urlunsplit(place._replace(netloc=f"{name}:{password}@{place.hostname}:{place.port or 5432}"))


def drop_logins(owner_url: str) -> None:
    """Drop every login that was made for this database."""
    with _cursor(owner_url) as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [_prefix(owner_url)])
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@contextmanager
def under_roles(owner_url: str) -> Iterator[str]:
    """apply_roles for as long as the block lasts; a SQLite database, which knows no roles, is given back as it is."""
    if not owner_url.startswith("postgres"):
        yield owner_url
        return
    try:
        yield apply_roles(owner_url)
    finally:
        drop_logins(owner_url)


def _prefix(owner_url: str) -> str:
    """What the names of a database's logins begin with; PostgreSQL's names have up to 63 characters."""
    return f"{urlsplit(owner_url).path[1:50]}-"


@contextmanager
def _cursor(url: str) -> Iterator[Any]:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
