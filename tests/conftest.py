"""Fixtures that every test may use. Without TEST_* variables a test runs on SQLite, and needs no server.

Databases: PostgreSQL where TEST_DATABASE_URL is set, else SQLite; the same tests run on both.
  db, @pytest.mark.django_db   pytest-django's: what a test writes is rolled back. The usual choice.
  own_database -> str          A fresh, empty database of the test's own with really committed data. Django's default
                               connection leads there for as long as the test runs, in every thread; the value is the
                               DATABASE_URL for other processes. For races, workers, anything with a second connection.
  transactional_db             refused: Django would TRUNCATE, which the books forbid. Use own_database.

Brokers (mark such tests @pytest.mark.servers; `python -m tests.servers run -- pytest …` starts what is missing):
  rabbitmq_url -> str          BROKER_URL of a new virtual host, for its owner, who may do everything in it.
  rabbitmq_admin -> VirtualHost
                               The same virtual host: .create_user(configure=…, write=…, read=…) -> the broker URL of a
                               user with so much; .messages() -> {queue: count}; .management for everything else.
  redis_url -> str             BROKER_URL of an emptied logical database of this process's own.
  embedded_broker_url -> str   BROKER_URL of a fresh SQLite broker file (no server, no mark).

Processes of this project (tests.processes says more):
  run_process(*command, environment=…) -> Process   runs until the test ends; its log is shown where the test fails.
  tests.processes.service_environment(database_url=…, broker_url=…, **settings) -> the environment to give it.
  tests.processes.eventually(condition)              waits until the condition holds.

No secret of such a process may stand in its log: the run fails at its end where one does (tests/secrets.py).

A server of a test's own, to be killed and restarted: `with RabbitMQ() as server:` (tests.servers).
"""

import pytest

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.brokers",
    "tests.fixtures.processes",
    "tests.fixtures.served",
    "tests.fixtures.secrets",
]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse what would have Django flush the database."""
    marker = item.get_closest_marker("django_db")
    if marker and (marker.args or marker.kwargs.get("transaction")):
        pytest.fail(
            "django_db(transaction=True) would TRUNCATE, which the books forbid: use own_database", pytrace=False
        )
