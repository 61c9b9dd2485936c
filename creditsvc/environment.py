"""The one reader of the environment: every setting, its default, and what production refuses."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import dj_database_url
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent
ENV_FILE = None if os.environ.get("APP_ENV") == "test" else BASE_DIR / ".env"  # tests give all that they mean
WEAKEST_SECRET_LENGTH = 32
DEVELOPMENT_SECRET = "for-development-only-never-in-production"  # noqa: S105  (production refuses it)

LONGEST_DURATION = timedelta(days=3650)
DATABASES = ("postgresql", "postgres", "sqlite")
BROKERS = ("amqp", "amqps", "pyamqp", "redis", "rediss", "sqla+sqlite", "memory")
RESULT_BACKENDS = ("redis", "rediss", "rpc", "db+postgresql", "db+sqlite", "cache+memory")

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
Duration = Annotated[timedelta, Field(gt=timedelta(0), le=LONGEST_DURATION)]


class Environment(BaseSettings):
    """The settings of docs/contract.md §5; names there are the fields here in upper case.

    Addresses may hold passwords, so none is printed with it: `celery inspect conf` prints all that celeryconfig.py
    names.
    """

    model_config = SettingsConfigDict(env_file=ENV_FILE, extra="ignore", frozen=True, env_ignore_empty=True)

    app_env: Literal["development", "test", "production"] = "development"
    debug: bool = False
    var_dir: Path = Field(BASE_DIR / "var", validate_default=True)
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    allowed_hosts: CommaSeparated = ("localhost", "127.0.0.1", "[::1]")
    database_url: str = Field(default_factory=lambda given: f"sqlite:///{given['var_dir']}/credits.sqlite3", repr=False)
    broker_url: str = Field(
        default_factory=lambda given: f"sqla+sqlite:///{given['var_dir']}/broker.sqlite3", repr=False
    )
    result_backend_url: str = Field("", repr=False)
    client_jwt_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    internal_jwt_secret: SecretStr | None = None
    required_client_scope: str = "bff:call"
    trusted_proxies: int = Field(0, ge=0, le=10)
    credit_api_external_port: int = Field(8000, ge=1, le=65_535)
    inbound_exchange: str = "glam.events"
    trial_credits: int = Field(500, ge=1, le=10**12)
    trial_credits_expire: bool = False
    expiring_soon: Duration = timedelta(days=7)
    adjust_approval_limit: int = Field(10_000, ge=0, le=10**12)
    low_balance_threshold: int = Field(100, ge=0, le=10**15)
    low_balance_alerts: Literal["crossing", "every"] = "crossing"
    account_wait: Duration = timedelta(minutes=15)
    outbox_retention: Duration = timedelta(days=7)
    notify_emails: CommaSeparated = ()
    notify_email_from: str = "credit-service@localhost"
    email_host: str = "localhost"
    email_port: int = Field(25, ge=1, le=65535)
    email_host_user: str = ""
    email_host_password: SecretStr = SecretStr("")
    email_use_tls: bool = False
    notify_webhook_url: str = Field("", repr=False)
    notify_webhook_secret: SecretStr | None = None
    otel_exporter_otlp_endpoint: str = Field("", repr=False)
    logging_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    logging_format: Literal["json", "console"] = "console"
    prometheus_multiproc_dir: Path = Field(default_factory=lambda given: Path(given["var_dir"]) / "metrics")

    @field_validator("allowed_hosts", "notify_emails", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("account_wait", "outbox_retention", "expiring_soon", mode="before")
    @classmethod
    def _seconds(cls, value: Any) -> Any:
        """A bare number is seconds; anything else is an ISO 8601 duration such as PT15M or P7D."""
        if not (isinstance(value, str) and value.strip().isdecimal()):
            return value
        return timedelta(seconds=min(int(value), int(LONGEST_DURATION.total_seconds()) + 1))

    @field_validator("var_dir", "prometheus_multiproc_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return BASE_DIR / value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        try:
            dj_database_url.parse(value)
        except ValueError:
            raise wrong_url(DATABASES) from None
        return checked_url(value, schemes=DATABASES)

    @field_validator("broker_url")
    @classmethod
    def _broker(cls, value: str) -> str:
        """One URL, or several of one kind with ";" between: the members of a cluster."""
        urls = [checked_url(url, schemes=BROKERS) for url in value.split(";")]
        if len({scheme_of(url) for url in urls}) > 1:
            raise wrong_url(BROKERS)
        return value

    @field_validator("result_backend_url")
    @classmethod
    def _result_backend(cls, value: str) -> str:
        return checked_url(value, schemes=RESULT_BACKENDS) if value else value

    @field_validator("notify_webhook_url", "otel_exporter_otlp_endpoint")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not urlsplit(checked_url(value, schemes=("https", "http"))).hostname:
            raise wrong_url(("https", "http"))
        return value

    @field_validator("notify_emails")
    @classmethod
    def _emails(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not re.fullmatch(r"[^@\s]+@[^@\s]+", address) for address in value):
            raise PydanticCustomError("email", "Input should be e-mail addresses with commas between")
        return value

    @property
    def client_jwt_secrets(self) -> tuple[str, ...]:
        """Every secret that a client's token may be signed with, while keys rotate."""
        return tuple(part.strip() for part in self.client_jwt_secret.get_secret_value().split(",") if part.strip())

    @property
    def internal_jwt_secrets(self) -> tuple[str, ...]:
        """Every secret that another service's token may be signed with; none where no service may read."""
        given = self.internal_jwt_secret.get_secret_value() if self.internal_jwt_secret else ""
        return tuple(part.strip() for part in given.split(",") if part.strip())

    @property
    def broker_is_embedded(self) -> bool:
        return self.broker_url.startswith("sqla+")

    @property
    def result_backend(self) -> str | None:
        """Where results go: as set; on the embedded broker a SQLite file beside it; else nowhere."""
        if self.result_backend_url:
            return self.result_backend_url
        return f"db+sqlite:///{self.var_dir}/results.sqlite3" if self.broker_is_embedded else None


def scheme_of(url: str) -> str:
    """What stands before "://", exactly as written: code further on compares it so."""
    return url.partition("://")[0]


def checked_url(url: str, *, schemes: tuple[str, ...]) -> str:
    """The URL. Raises PydanticCustomError where it has another scheme, or can't be taken apart."""
    try:
        is_readable = urlsplit(url).port != 0
    except ValueError:  # of a file the "port" is part of its name, as in sqlite://:memory:
        is_readable = "sqlite" in scheme_of(url)
    if not is_readable or "://" not in url or scheme_of(url) not in schemes:
        raise wrong_url(schemes)
    return url


def wrong_url(schemes: tuple[str, ...]) -> PydanticCustomError:
    """The error of a URL; it does not repeat the URL, which may hold a password."""
    return PydanticCustomError("url", "Input should be a URL of {schemes}", {"schemes": ", ".join(schemes)})


class Refused(SystemExit):
    """The service can't start with this environment: one line that names the variable, and exit 1."""

    def __init__(self, variable: str, why: str) -> None:
        super().__init__(f"credit-service can't start: {variable} {why}")


def read_environment() -> Environment:
    """Read the environment (and .env), refuse what production must not have.

    Raises Refused with one line that names the variable.
    """
    try:
        environment = Environment()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Refused(str(first["loc"][0]).upper(), f"is wrong: {first['msg']}") from None
    if environment.app_env == "production":
        refuse_in_production(environment)
    try:
        environment.var_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused("VAR_DIR", f"names a folder that can't be made: {error.strerror}") from None
    return environment


def refuse_in_production(environment: Environment) -> None:
    """Raise Refused for the first setting that a production service must not run with."""
    if environment.debug:
        raise Refused("DEBUG", "must be off in production")
    refuse_weak("SECRET_KEY", environment.secret_key.get_secret_value())
    if not environment.client_jwt_secrets:
        raise Refused("CLIENT_JWT_SECRET", "is missing")
    for secret in environment.client_jwt_secrets:
        refuse_weak("CLIENT_JWT_SECRET", secret)
    for secret in environment.internal_jwt_secrets:
        refuse_weak("INTERNAL_JWT_SECRET", secret)
        if secret in environment.client_jwt_secrets:
            raise Refused("INTERNAL_JWT_SECRET", "is one of CLIENT_JWT_SECRET: a shop's token must open nothing else")
    if environment.notify_webhook_url:
        refuse_weak("NOTIFY_WEBHOOK_SECRET", (environment.notify_webhook_secret or SecretStr("")).get_secret_value())
    if environment.database_url.startswith("sqlite"):
        raise Refused("DATABASE_URL", "names an embedded database; production needs PostgreSQL")
    if environment.broker_is_embedded or environment.broker_url.startswith("memory"):
        raise Refused("BROKER_URL", "names an embedded broker; production needs RabbitMQ or Redis")
    if environment.result_backend_url.startswith(("db+sqlite", "cache+memory")):
        raise Refused("RESULT_BACKEND_URL", "names an embedded result backend")


def refuse_weak(variable: str, secret: str) -> None:
    """Raise Refused where a secret is missing, the development one, short, or of few different characters."""
    if not secret or secret == DEVELOPMENT_SECRET:
        raise Refused(variable, "is missing")
    if len(secret) < WEAKEST_SECRET_LENGTH or len(set(secret)) < WEAKEST_SECRET_LENGTH // 4:
        raise Refused(variable, f"is weak: use at least {WEAKEST_SECRET_LENGTH} random characters")


environment = read_environment()
