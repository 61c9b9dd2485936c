"""RabbitMQ's users of deploy/: what each may do, and that it may do nothing else."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import amqp
import pytest
from kombu import Connection

from creditsvc.environment import BASE_DIR
from tests.broker_users import broker_users, deploy_script
from tests.processes import eventually, in_this_environment, service_environment
from tests.servers.management import Management, ManagementRefused, VirtualHost

pytestmark = [pytest.mark.servers, pytest.mark.slow]

QUEUES = ("grants", "consume", "notifications", "sweeps", "inbound", "inbound.matches", "dead")
EXCHANGES = ("credits.commands", "credits.events", "credits.internal", "credits.dead", "glam.events", "amq.topic")
KEYS = {"credits.events": "evt.credits.granted.v1", "glam.events": "evt.merchant.created.v1"}
CONFIRM_SECONDS = 10.0

Deed = Callable[[Any], object]


def publish(exchange: str, key: str) -> Deed:
    """Publish a message, and wait for the broker's word about it."""

    def do(channel: Any) -> None:
        channel.basic_publish_confirm(amqp.Message("{}"), exchange, key, confirm_timeout=CONFIRM_SECONDS)

    return do


def read(queue: str) -> Deed:
    return lambda channel: channel.basic_get(queue, no_ack=False)


def configure(queue: str) -> Deed:
    return lambda channel: channel.queue_declare(queue, durable=False, exclusive=False, auto_delete=True)


def listen(queue: str, exchange: str, key: str = "#") -> Deed:
    """Bind a queue of one's own to an exchange."""

    def do(channel: Any) -> None:
        channel.queue_declare(queue, durable=False, auto_delete=True)
        channel.queue_bind(queue, exchange, key)

    return do


DEEDS: dict[str, Deed] = {
    **{f"publish to {name}": publish(name, KEYS.get(name, "credits.consume")) for name in EXCHANGES},
    "publish straight to a queue": publish("", "credits.sweeps"),
    "publish a forged event of the service": publish("credits.events", "evt.merchant.created.v1"),
    "publish a plain event under any key": publish("glam.events", "credits.consume"),
    "publish a command under any key": publish("credits.commands", "evt.merchant.created.v1"),
    "publish to workers' control": publish("celery.pidbox", ""),
    **{f"read credits.{name}": read(f"credits.{name}") for name in QUEUES},
    "listen to events by a queue of one's own": listen("subscriber.books", "credits.events"),
    "listen to commands by a queue of one's own": listen("subscriber.spy", "credits.commands"),
    "listen to plain events by a queue of one's own": listen("subscriber.spy", "glam.events"),
    "listen to workers' control": listen("spy.celery.pidbox", "celery.pidbox"),
    "declare a queue of any name": configure("somebody"),
    "declare an exchange of any name": lambda channel: channel.exchange_declare("somebody", "topic"),
    "bind a queue of the service elsewhere": lambda channel: channel.queue_bind(
        "credits.sweeps", "credits.internal", "else"
    ),
    "unbind a queue of the service": lambda channel: channel.queue_unbind("credits.sweeps", "credits.internal", "else"),
    "empty a queue of the service": lambda channel: channel.queue_purge("credits.sweeps"),
    "delete a queue of the service": lambda channel: channel.queue_delete("credits.sweeps"),
    "delete an exchange of the service": lambda channel: channel.exchange_delete("credits.internal"),
}
READS = {f"read credits.{name}" for name in QUEUES}
MAY: dict[str, set[str]] = {
    "producer": {"publish to credits.commands"},
    "inbound": {"publish to glam.events"},
    "subscriber": {"listen to events by a queue of one's own"},
    "web": set(),
    "monitor": set(),
    "service": {
        "publish to credits.commands",  # a link or chain of a producer's may name a command
        "publish to credits.events",
        "publish to credits.internal",
        "publish straight to a queue",
        "publish to workers' control",
        "listen to workers' control",
        "empty a queue of the service",  # who may read a queue may empty it
        *READS,
    },
    "deployer": {
        "publish to credits.dead",  # a queue's dead-letter exchange is declared by whoever may write to it
        "bind a queue of the service elsewhere",
        "unbind a queue of the service",
        "empty a queue of the service",
        "delete a queue of the service",
        "delete an exchange of the service",
        *READS,
    },
}


@pytest.fixture(scope="module")
def users(rabbitmq_management: Management, virtual_host_names: Iterator[str]) -> Iterator[dict[str, str]]:
    """The broker URLs of deploy/'s users by role, in a virtual host that they share: none changes what another may."""
    with rabbitmq_management.virtual_host(name=next(virtual_host_names)) as host:
        yield deployed(host)


def deployed(host: VirtualHost) -> dict[str, str]:
    """The users of a virtual host in which a worker has been."""
    users = broker_users(host)
    assert declared_by(users["deployer"]).returncode == 0
    with Connection(users["service"]) as connection:
        connection.default_channel.exchange_declare("celery.pidbox", "fanout", auto_delete=False)
    return users


def declared_by(broker_url: str) -> subprocess.CompletedProcess[str]:
    """`manage.py declare_topology` as this user of the broker."""
    environment = service_environment(database_url="sqlite://:memory:", broker_url=broker_url)
    command = in_this_environment(("manage.py", "declare_topology"))
    return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)


def done_by(broker_url: str, deeds: dict[str, Deed]) -> set[str]:
    """Those of the deeds that the broker lets this user do; each on a channel of its own, which a refusal closes."""
    done = set()
    with Connection(broker_url, transport_options={"confirm_publish": True}) as connection:
        for name, deed in deeds.items():
            channel = connection.connection.channel()
            try:
                deed(channel)
            except amqp.AccessRefused:
                continue
            done.add(name)
            channel.close()
    return done


@pytest.mark.parametrize("role", [role for role in MAY if role != "deployer"])
def test_each_user_may_do_its_own_work_and_nothing_else(role: str, users: dict[str, str]) -> None:
    done = done_by(users[role], DEEDS)

    assert done == MAY[role]


def test_the_deployer_may_do_all_with_what_is_the_services_and_nothing_with_what_is_others(
    rabbitmq_admin: VirtualHost,
) -> None:
    done = done_by(deployed(rabbitmq_admin)["deployer"], DEEDS)

    assert done == MAY["deployer"]


@pytest.mark.parametrize("role", [role for role in MAY if role != "deployer"])
def test_nobody_but_the_deployer_declares_the_topology(role: str, users: dict[str, str]) -> None:
    refused = declared_by(users[role])

    assert refused.returncode == 1
    assert "ACCESS_REFUSED" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_monitor_sees_the_queues_of_its_virtual_host_and_changes_nothing(
    users: dict[str, str], rabbitmq_management: Management
) -> None:
    monitor, management_url = users["monitor"], rabbitmq_management.url
    login = monitor.removeprefix("amqp://").rpartition("@")[0]
    own = Management(url=f"http://{login}@{management_url.rpartition('@')[2]}", broker_url=monitor)

    seen = {queue["name"] for queue in own.queues()}

    assert {f"credits.{name}" for name in QUEUES} <= seen
    with pytest.raises(ManagementRefused, match="401"):
        own.create_user(name="another", password="of its own")


def test_another_inbound_exchange_is_allowed_in_place_of_the_usual_one(rabbitmq_admin: VirtualHost) -> None:
    users = broker_users(rabbitmq_admin, inbound_exchange="shop.events+more")
    with Connection(rabbitmq_admin.url) as connection:
        for exchange in ("shop.events+more", "shop.eventss+more", "glam.events"):
            connection.default_channel.exchange_declare(exchange, "topic")
    deeds = {
        name: publish(name, "evt.merchant.created.v1")
        for name in ("shop.events+more", "shop.eventss+more", "glam.events")
    }

    assert done_by(users["inbound"], deeds) == {"shop.events+more"}


def test_a_user_without_a_password_is_left_out_and_a_short_one_is_refused() -> None:
    script = deploy_script()

    made = script.definitions({"BROKER_WEB_PASSWORD": "x" * 32})

    assert [user["name"] for user in made["users"]] == ["credits-web"]
    assert {given["user"] for given in (*made["permissions"], *made["topic_permissions"])} == {"credits-web"}
    assert "x" * 32 not in str(made)
    with pytest.raises(ValueError, match="BROKER_WEB_PASSWORD is shorter"):
        script.definitions({"BROKER_WEB_PASSWORD": "short"})


def test_definitions_are_printed_by_python_alone() -> None:
    environment = {"BROKER_SERVICE_PASSWORD": "s" * 32, "VIRTUAL_HOST": "elsewhere"}
    script = BASE_DIR / "deploy" / "rabbitmq" / "definitions.py"

    printed = subprocess.run(
        [sys.executable, "-I", "-S", script], env=environment, capture_output=True, text=True, check=True
    )

    assert '"vhost": "elsewhere"' in printed.stdout
    assert "s" * 32 not in printed.stdout + printed.stderr


@pytest.fixture
def undeclared(rabbitmq_admin: VirtualHost) -> str:
    """The service's user in a virtual host in which nothing is declared."""
    return broker_users(rabbitmq_admin)["service"]


def test_a_worker_before_the_deployment_says_what_is_missing_and_starts_once_it_is_there(
    undeclared: str, rabbitmq_admin: VirtualHost, own_database: str, run_process: Any
) -> None:
    environment = service_environment(database_url=own_database, broker_url=undeclared)
    command = ("celery", "--quiet", "-A", "creditsvc.celery", "worker", "-n", "early@here", "-Q", "credits.consume")
    worker = run_process(*command, environment=environment)
    worker.wait_for_log(r"NOT_FOUND - no queue 'credits\.")

    assert declared_by(rabbitmq_admin.url).returncode == 0

    eventually(lambda: "early@here ready." in worker.log())
    assert worker.exit_code is None
