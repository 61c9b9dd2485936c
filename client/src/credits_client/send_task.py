"""The same command for a Celery application of the caller's, which is what asking for its result needs."""

from typing import Any

from kombu.entity import Queue

from credits_client.commands import Command
from credits_client.messages import plain_fields
from credits_client.routes import command_route


def through_exchange(command: Command) -> dict[str, Any]:
    """Arguments of Celery's send_task, for RabbitMQ and Redis: app.send_task(**through_exchange(command), ...)."""
    route = command_route(command.task)
    return {
        "name": command.task,
        "kwargs": plain_fields(command),
        "exchange": route.exchange,
        "routing_key": route.routing_key,
        "declare": [],
        "mandatory": True,
    }


def to_queue(command: Command) -> dict[str, Any]:
    """Arguments of Celery's send_task, for any broker, the embedded one too. On RabbitMQ it needs amq.default."""
    return {
        "name": command.task,
        "kwargs": plain_fields(command),
        "queue": Queue(command_route(command.task).queue, no_declare=True),
        "mandatory": True,
    }
