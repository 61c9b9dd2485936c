"""Django's settings, every value of them from creditsvc.environment."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from django.templatetags.static import static

from creditsvc.environment import BASE_DIR, environment
from creditsvc.logging import logging_config

DEBUG = environment.debug
SECRET_KEY = environment.secret_key.get_secret_value()
ALLOWED_HOSTS = list(environment.allowed_hosts)
IN_PRODUCTION = environment.app_env == "production"

INSTALLED_APPS = [
    "ledger",  # before the theme, some of whose templates it replaces
    "unfold",
    "creditsvc.pages.StaffPages",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "ninja",  # for the documents' own scripts and styles: nothing is fetched from elsewhere
    "creditsvc",
]
MIDDLEWARE = [
    "api.correlation.CorrelationMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "creditsvc.middleware.PagesContentSecurity",
    "api.envelope.EnvelopeMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "creditsvc.middleware.StaffSession",
    "creditsvc.middleware.StaffCommon",
    "creditsvc.middleware.StaffCsrf",
    "creditsvc.middleware.StaffAuthentication",
    "creditsvc.middleware.StaffMessages",
    "creditsvc.middleware.StaffXFrameOptions",
    "axes.middleware.AxesMiddleware",
]
if environment.otel_exporter_otlp_endpoint:
    MIDDLEWARE.insert(0, "creditsvc.tracing.TracingMiddleware")
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
ROOT_URLCONF = "creditsvc.urls"
WSGI_APPLICATION = "creditsvc.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


LOCK_TIMEOUT_MS = 4_000
# A transaction in which nothing is asked for so long is ended by the server: its process was stopped, and holds
# accounts that the others need. Longer than any step between two statements takes, slow readers included.
IDLE_IN_TRANSACTION_MS = 300_000
# Whoever has heard nothing asks whether the other side is still there, and takes it for gone after 10 + 3 * 3 seconds;
# or after so long where something that was sent is not even acknowledged by the other's host.
UNANSWERED_MS = 10_000
KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3}


def _session_options() -> str:
    # Who waits for a lock that long is told so. A worker tries again, and can be stopped meanwhile; a migration that
    # waits for a table holds up everybody behind it no longer than this.
    limits = {"lock_timeout": LOCK_TIMEOUT_MS, "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS}
    alive = {"tcp_user_timeout": UNANSWERED_MS, **{f"tcp_{name}": value for name, value in KEEPALIVES.items()}}
    return " ".join(f"-c {name}={value}" for name, value in {**limits, **alive}.items())


def database(url: str) -> dict[str, Any]:
    """Django's settings for the database at a URL, with what each engine needs for one writer at a time."""
    settings: dict[str, Any] = {**dj_database_url.parse(url)}
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        if settings["NAME"] != ":memory:":
            settings["NAME"] = str(BASE_DIR / Path(settings["NAME"]))
        settings["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            # recursive_triggers: else REPLACE would pass by the guards of the books.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON;",
        }
    else:
        settings["CONN_MAX_AGE"] = None
        settings["CONN_HEALTH_CHECKS"] = True
        # A host that is gone without a word would hold an attempt to connect, or what was asked of it, for minutes, and
        # an answer that is waited for, or the locks of a worker's host that is gone, for two hours.
        usual = {"connect_timeout": 3, "tcp_user_timeout": UNANSWERED_MS, **KEEPALIVES, "options": _session_options()}
        settings["OPTIONS"] = {**usual, **settings.get("OPTIONS", {})}
    return settings


DATABASES = {"default": database(environment.database_url)}

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = "creditsvc.formats"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # served from the packages that bring them: there is nothing to collect first
LOGGING_CONFIG = None
logging_config(level=environment.logging_level, form=environment.logging_format)

DEFAULT_EXCEPTION_REPORTER_FILTER = "creditsvc.reporting.Reporting"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = IN_PRODUCTION
SESSION_COOKIE_AGE = 8 * 3600  # seconds from signing in: a working day
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_SECURE = IN_PRODUCTION
CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# What a page may load and run: files of ours, and nothing that stands in the page itself.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        # The admin theme's Alpine.js evaluates its attributes; there is no inline script, and none would run.
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],  # the theme's colours, and style attributes
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_HSTS_SECONDS = 31_536_000 if IN_PRODUCTION else 0
# What `manage.py check --deploy` would have otherwise.
SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # creditsvc.middleware.StaffXFrameOptions is that middleware; the check knows it by one name only
    "security.W003",  # so is StaffCsrf
    "security.W005",  # what else has a name below ours is not ours to decide about
    "security.W008",  # the proxy that ends TLS redirects; the BFF and the probes come past it, over plain HTTP
    "security.W009",  # creditsvc.environment refuses a weak key; 32 random characters are no weak one
    "security.W021",  # as W005
]

LOGIN_REDIRECT_URL = "admin:index"
# Five failures lock a user name out from one address for a quarter of an hour; from elsewhere it stays free.
AXES_CLIENT_IP_CALLABLE = "creditsvc.addresses.client_address"
TRUSTED_PROXIES = environment.trusted_proxies
AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False  # `manage.py axes_reset_username` lets somebody in before that
AXES_VERBOSE = False

UNFOLD = {
    "SITE_TITLE": "Credit service",
    "SITE_HEADER": "Credit service",
    "SITE_SUBHEADER": "All times are UTC",
    "SITE_SYMBOL": "account_balance_wallet",
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "ledger.admin.overview.overview",
    "STYLES": [lambda request: static("ledger/admin.css")],
    "SIDEBAR": {"navigation": "ledger.admin.navigation.navigation"},
}

TRIAL_CREDITS = environment.trial_credits
TRIAL_CREDITS_EXPIRE = environment.trial_credits_expire
EXPIRING_SOON = environment.expiring_soon
ADJUST_APPROVAL_LIMIT = environment.adjust_approval_limit
LOW_BALANCE_THRESHOLD = environment.low_balance_threshold
LOW_BALANCE_ALERTS = environment.low_balance_alerts
ACCOUNT_WAIT = environment.account_wait
OUTBOX_RETENTION = environment.outbox_retention
INBOUND_EXCHANGE = environment.inbound_exchange
BROKER_URL = environment.broker_url

ALIVE_DIR = environment.var_dir / "alive"
METRICS_DIR = environment.prometheus_multiproc_dir
# What the API may know of the broker, which it can't import.
BROKER_PROBE = "creditsvc.probes.broker_is_there"
QUEUE_DEPTHS = "creditsvc.probes.queue_depths"

CLIENT_JWT_SECRETS = environment.client_jwt_secrets
INTERNAL_JWT_SECRETS = environment.internal_jwt_secrets
REQUIRED_CLIENT_SCOPE = environment.required_client_scope

NOTIFY_EMAILS = environment.notify_emails
NOTIFY_WEBHOOK_URL = environment.notify_webhook_url
NOTIFY_WEBHOOK_SECRET = (
    environment.notify_webhook_secret.get_secret_value() if environment.notify_webhook_secret else ""
)
DEFAULT_FROM_EMAIL = environment.notify_email_from
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = environment.email_host
EMAIL_PORT = environment.email_port
EMAIL_HOST_USER = environment.email_host_user
EMAIL_HOST_PASSWORD = environment.email_host_password.get_secret_value()
EMAIL_USE_TLS = environment.email_use_tls
EMAIL_TIMEOUT = 10  # a mail server that says nothing counts as failed
