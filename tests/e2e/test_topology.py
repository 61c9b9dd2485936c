"""Deploying and running: topology is declared again and again, other pools are refused, liveness can be probed."""

import pytest

from tests.e2e.service import Service
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_declaring_the_topology_again_changes_nothing(service: Service, shared_host: VirtualHost) -> None:
    def declared() -> list[tuple[object, ...]]:
        queues = [queue for queue in shared_host.management.queues() if queue["vhost"] == shared_host.name]
        owned = [queue for queue in queues if queue["name"].startswith("credits.")]
        return sorted((queue["name"], queue["type"], str(sorted(queue["arguments"].items()))) for queue in owned)

    before = declared()

    service.deploy()

    assert declared() == before
    assert {(name, type_) for name, type_, _ in before} == {
        ("credits.grants", "quorum"),
        ("credits.consume", "quorum"),
        ("credits.inbound", "quorum"),
        ("credits.inbound.matches", "quorum"),
        ("credits.notifications", "quorum"),
        ("credits.sweeps", "quorum"),
        ("credits.dead", "quorum"),
    }


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
@pytest.mark.parametrize("pool", ["processes", "solo"])  # "prefork" on the command line means "as configured"
def test_a_worker_of_another_pool_does_not_start(service: Service, pool: str) -> None:
    refused = service.run(*service.command("consume"), "--pool", pool, "-n", f"{pool}@{service.name}")

    assert refused.returncode != 0
    assert "workers run with --pool threads" in refused.stdout + refused.stderr


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_a_workers_liveness_can_be_probed(service: Service) -> None:
    name = service.node_name("consume")

    alive, unknown = (
        service.run("python", "-m", "tasks.liveness", name),
        service.run("python", "-m", "tasks.liveness", "nobody@nowhere"),
    )

    assert (alive.returncode, alive.stdout) == (0, f"{name} is alive\n")
    assert (unknown.returncode, unknown.stdout) == (1, "nobody@nowhere is not alive\n")
