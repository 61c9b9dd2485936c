"""celeryconfig.py: what the contract promises of tasks, queues and bindings is what Celery is told."""

import os
import subprocess
import sys
from typing import Any

import pytest

from creditsvc.celery import app
from creditsvc.environment import BASE_DIR
from ledger.plain_events import EVENTS
from tasks.topology import all_queues
from tests.creditsvc.procfile import commands, queues_of

COMMANDS = {
    "credits.open_account": "credits.grants",
    "credits.start_trial": "credits.grants",
    "credits.purchase": "credits.grants",
    "credits.grant": "credits.grants",
    "credits.change_shop": "credits.grants",
    "credits.reverse": "credits.grants",
    "credits.consume_match": "credits.consume",
    "credits.consume": "credits.consume",
    "credits.consume_many": "credits.consume",
    "credits.hold": "credits.consume",
    "credits.capture": "credits.consume",
    "credits.release": "credits.consume",
}
FOLLOW_UPS = {
    "credits.notify_low_balance": "credits.notifications",
    "credits.notify_exhausted": "credits.notifications",
    "credits.notify_by_email": "credits.notifications",
    "credits.notify_by_webhook": "credits.notifications",
}
SWEEPS = {
    "credits.sweep_outbox": "credits.sweeps",
    "credits.sweep_due": "credits.sweeps",
    "credits.prune_outbox": "credits.sweeps",
}
LISTENED = {
    "evt.merchant.created.v1": "credits.inbound",
    "evt.billing.trial.started.v1": "credits.inbound",
    "evt.billing.credits.purchased.v1": "credits.inbound",
    "evt.ai.match.completed.v1": "credits.inbound.matches",
}
QUORUM = {
    "x-queue-type": "quorum",
    "x-overflow": "reject-publish",
    "x-dead-letter-exchange": "credits.dead",
    "x-dead-letter-strategy": "at-least-once",
}


@pytest.fixture(autouse=True)
def imported() -> None:
    """Tasks are registered when a worker starts."""
    app.loader.import_default_modules()


def queues() -> dict[str, Any]:
    """Every queue by its name."""
    return {queue.name: queue for queue in all_queues(app)}


def keys_of(exchange: str) -> dict[str, str]:
    """What is bound to an exchange: routing key to queue."""
    return {
        binding.routing_key: queue.name
        for queue in all_queues(app)
        for binding in queue.bindings
        if binding.exchange.name == exchange
    }


def test_the_contracts_tasks_and_our_own_are_registered_and_no_others() -> None:
    ours = {name for name in app.tasks if not name.startswith(("celery.", "pytest_celery."))}

    assert ours == {*COMMANDS, *FOLLOW_UPS, *SWEEPS}


@pytest.mark.parametrize(("task", "queue"), [*COMMANDS.items(), *FOLLOW_UPS.items(), *SWEEPS.items()])
def test_a_task_is_routed_to_its_queue_by_a_key_that_is_bound_there(task: str, queue: str) -> None:
    route = app.amqp.router.route({}, task)

    bound = {(binding.exchange.name, binding.routing_key) for binding in route["queue"].bindings or [route["queue"]]}
    assert route["queue"].name == queue
    assert ("credits.commands" if task in COMMANDS else "credits.internal", route["routing_key"]) in bound


def test_the_commands_exchange_takes_the_commands_names_and_nothing_else() -> None:
    assert keys_of("credits.commands") == COMMANDS


def test_the_inbound_exchange_takes_the_events_that_are_listened_to_and_nothing_else() -> None:
    assert keys_of(app.conf["inbound"].name) == LISTENED
    assert set(EVENTS) == set(LISTENED)


@pytest.mark.slow
def test_the_inbound_exchange_is_the_one_that_is_set() -> None:
    bound = "import celeryconfig; print({b.exchange.name for q in celeryconfig.inbound_queues for b in q.bindings})"

    ran = subprocess.run(
        [sys.executable, "-c", bound],
        cwd=BASE_DIR,
        env={**os.environ, "APP_ENV": "test", "INBOUND_EXCHANGE": "shop.events"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "{'shop.events'}\n"


@pytest.mark.parametrize(
    "name",
    ["credits.grants", "credits.consume", "credits.notifications", "credits.inbound", "credits.inbound.matches"],
)
def test_a_queue_is_replicated_refuses_when_full_and_dead_letters_at_least_once(name: str) -> None:
    queue = queues()[name]

    arguments = dict(queue.queue_arguments)
    assert arguments.pop("x-delivery-limit") >= 20
    assert arguments == QUORUM
    assert queue.durable


@pytest.mark.parametrize("name", ["credits.dead", "credits.sweeps"])
def test_what_is_dead_or_only_a_sweep_is_not_dead_lettered_again(name: str) -> None:
    queue = queues()[name]

    arguments = dict(queue.queue_arguments)
    assert arguments.pop("x-delivery-limit") >= 1_000_000  # without one RabbitMQ 4 has one of 20, and then drops
    assert arguments == {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
    assert queue.durable


def test_the_exchanges_are_durable_and_of_the_types_that_the_contract_names() -> None:
    exchanges = [app.conf[name] for name in ("commands", "events", "inbound", "dead", "internal")]

    assert {(exchange.name, exchange.type) for exchange in exchanges} == {
        ("credits.commands", "topic"),
        ("credits.events", "topic"),
        ("glam.events", "topic"),
        ("credits.dead", "topic"),
        ("credits.internal", "direct"),
    }
    assert all(exchange.durable for exchange in exchanges)


def test_a_sweep_that_nobody_takes_expires() -> None:
    schedule = app.conf.beat_schedule.values()

    assert {entry["task"] for entry in schedule} == set(SWEEPS)
    assert all(entry["options"]["expires"] <= max(entry["schedule"], 30) for entry in schedule)


def test_each_queue_has_one_worker_of_the_procfile_that_takes_it_and_consumptions_have_two() -> None:
    taken = [queue for command in commands().values() for queue in queues_of(command)]
    beside = [name for queue in taken for name in app.conf["inbound_beside"].get(queue, ())]
    twice = ["credits.consume", "credits.inbound.matches"]

    assert sorted([*taken, *beside]) == sorted([*(queues().keys() - {"credits.events.embedded"}), *twice])


def test_a_message_is_acknowledged_late_and_comes_back_when_its_worker_is_lost() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert not app.conf.task_create_missing_queues
    assert (app.conf.worker_pool, app.conf.worker_concurrency) == ("threads", 1)
    assert app.conf.task_default_exchange == "credits.internal"
