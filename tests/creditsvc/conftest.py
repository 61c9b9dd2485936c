"""Fixtures of the wiring's tests."""

from pathlib import Path
from typing import Protocol

import pytest

from creditsvc.environment import Environment, read_environment
from tests.creditsvc.procfile import commands
from tests.processes import service_environment
from tests.servers.ports import free_ports


class Read(Protocol):
    """What the fixture `read` is: reads an environment that holds these settings and no others."""

    def __call__(self, **settings: str) -> Environment: ...


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads the settings given, by their names in upper case, as the service does when it starts."""

    def read(**settings: str) -> Environment:
        for name in Environment.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return read_environment()

    return read


@pytest.fixture
def embedded(own_database: str, embedded_broker_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a service of this test's own: all that it writes is in the test's folder."""
    (port,) = free_ports(1)
    return service_environment(
        database_url=own_database,
        broker_url=embedded_broker_url,
        var_dir=str(tmp_path / "var"),
        credit_api_external_port=str(port),
        logging_format="json",
    )


@pytest.fixture(scope="session")
def procfile() -> dict[str, list[str]]:
    """The processes' command lines, by their names."""
    return commands()
