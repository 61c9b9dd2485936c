"""Django's settings in the test process: the service's own, with nothing of the developer's environment in them."""

import os
import tempfile

os.environ["APP_ENV"] = "test"  # before the environment is read: a test reads no .env

from creditsvc import environment as service

# Fixtures choose the database; nothing in the test process itself talks to a broker.
NO_DATABASE_YET = "sqlite:////nonexistent/chosen-by-a-fixture.sqlite3"

for name in service.Environment.model_fields.keys() - {"app_env"}:
    os.environ.pop(name.upper(), None)
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or NO_DATABASE_YET
os.environ["BROKER_URL"] = "memory://"
# The figures counted here are no figures of the service that may be running in the same tree.
metrics_folder = tempfile.TemporaryDirectory(prefix="credits-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_folder.name
service.environment = service.read_environment()

from creditsvc.settings import *  # noqa: E402, F403  (only now: it takes its values from the environment just read)

# Signing in is under test, not the price of guessing a password: the service's own hasher takes half a second each.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # or every test client would look at every static file before its first request
# A busy machine that stands still for a moment is no database that is away.
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":  # noqa: F405
    DATABASES["default"]["OPTIONS"]["connect_timeout"] = 30  # noqa: F405  seconds
