"""What Celery runs on: exchanges, queues, routes, acknowledgement and schedule. Values come from the environment."""

from collections.abc import Mapping
from datetime import timedelta

from kombu import Exchange, Queue

from creditsvc.environment import environment

broker_url = environment.broker_url
broker_connection_retry_on_startup = True
# A channel that the broker closes, as it does after consumer_timeout, is opened again; else the worker would end.
broker_channel_error_retry = True
result_backend = environment.result_backend
result_expires = timedelta(days=1)
# A Redis that keeps its results to itself holds up a message that asked for one, and those behind it, no longer.
redis_socket_connect_timeout = redis_socket_timeout = 2.0
result_backend_transport_options = {"retry_policy": {"max_retries": 1}}

# --- Exchanges -------------------------------------------------------------------------------------------------------
commands = Exchange("credits.commands", type="topic", durable=True)
events = Exchange("credits.events", type="topic", durable=True)
inbound = Exchange(environment.inbound_exchange, type="topic", durable=True)
dead = Exchange("credits.dead", type="topic", durable=True)
internal = Exchange("credits.internal", type="direct", durable=True)

# --- Queues ----------------------------------------------------------------------------------------------------------
# Quorum queues on RabbitMQ: replicated, and a message that was delivered too often is dead-lettered, not lost.
# The limit counts redeliveries of any cause, and a killed worker returns a whole prefetch window, so it is high.
DELIVERY_LIMIT = 100
quorum = {
    "x-queue-type": "quorum",
    "x-overflow": "reject-publish",
    "x-dead-letter-exchange": dead.name,
    "x-dead-letter-strategy": "at-least-once",
    "x-delivery-limit": DELIVERY_LIMIT,
}
# Nothing stands behind these. Without a limit of their own RabbitMQ 4 would drop a message after 20 redeliveries.
undying = {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 1_000_000}
# On RabbitMQ only `manage.py declare_topology` declares them: a worker's user there needs no right to configure them.
declared_at_deployment = environment.broker_url.startswith(("amqp", "pyamqp"))

GRANT_TASKS = (
    "credits.open_account",
    "credits.change_shop",
    "credits.start_trial",
    "credits.purchase",
    "credits.grant",
    "credits.reverse",
)
CONSUME_TASKS = (
    "credits.consume_match",
    "credits.consume",
    "credits.consume_many",
    "credits.hold",
    "credits.capture",
    "credits.release",
)
NOTIFY_TASKS = (
    "credits.notify_low_balance",
    "credits.notify_exhausted",
    "credits.notify_by_email",
    "credits.notify_by_webhook",
)
SWEEP_TASKS = ("credits.sweep_outbox", "credits.sweep_due", "credits.prune_outbox")


def _bound(name: str, *, exchange: Exchange, keys: tuple[str, ...], arguments: Mapping[str, object] = quorum) -> Queue:
    return Queue(
        name,
        exchange=exchange,
        routing_key=keys[0],
        bindings=[exchange.binding(routing_key=key) for key in keys],
        durable=True,
        queue_arguments=arguments,
        no_declare=declared_at_deployment,
    )


task_queues = [
    _bound("credits.grants", exchange=commands, keys=GRANT_TASKS),
    _bound("credits.consume", exchange=commands, keys=CONSUME_TASKS),
    _bound("credits.notifications", exchange=internal, keys=("credits.notifications",)),
    # A sweep that expired is not worth keeping: without a dead-letter exchange it is dropped.
    _bound("credits.sweeps", exchange=internal, keys=("credits.sweeps",), arguments=undying),
]
# Plain events; kept out of task_queues, because Celery would take their messages for tasks.
inbound_queues = [
    _bound(
        "credits.inbound",
        exchange=inbound,
        keys=(
            "evt.merchant.created.v1",
            "evt.billing.trial.started.v1",
            "evt.billing.credits.purchased.v1",
        ),
    ),
    _bound("credits.inbound.matches", exchange=inbound, keys=("evt.ai.match.completed.v1",)),
]
dead_letter_queue = Queue(
    "credits.dead",
    exchange=dead,
    routing_key="#",
    durable=True,
    queue_arguments=undying,
    no_declare=declared_at_deployment,
)
# The embedded broker knows no exchanges across processes: what is published there goes to this queue.
embedded_events_queue = Queue("credits.events.embedded", exchange=events, routing_key="#", durable=True)

# Which plain events a worker takes beside its task queues, so that a million matches never hold up a purchase.
inbound_beside = {
    "credits.grants": ("credits.inbound", "credits.dead"),
    "credits.consume": ("credits.inbound.matches",),
}

# --- Routes ----------------------------------------------------------------------------------------------------------
task_default_exchange = internal.name
task_default_exchange_type = "direct"
task_default_queue = "credits.sweeps"
task_default_routing_key = "credits.sweeps"
task_create_missing_queues = False
task_routes = {
    **{name: {"queue": "credits.grants", "routing_key": name} for name in GRANT_TASKS},
    **{name: {"queue": "credits.consume", "routing_key": name} for name in CONSUME_TASKS},
    **{name: {"queue": "credits.notifications", "routing_key": "credits.notifications"} for name in NOTIFY_TASKS},
    **{name: {"queue": "credits.sweeps", "routing_key": "credits.sweeps"} for name in SWEEP_TASKS},
}

# --- Messages --------------------------------------------------------------------------------------------------------
accept_content = ["json"]
task_serializer = "json"
result_serializer = "json"
result_accept_content = ["json"]
event_serializer = "json"
task_protocol = 2
task_ignore_result = True
enable_utc = True
timezone = "UTC"

# --- Delivery --------------------------------------------------------------------------------------------------------
task_acks_late = True
task_reject_on_worker_lost = True
task_publish_retry = True
# One poster thread a worker gathers what has arrived into a batch (tasks/gathering.py); three batches wait behind it.
MAX_BATCH = 2_000
max_batch = MAX_BATCH
events_prefetch = 4 * MAX_BATCH  # each is one request, but for a few dead letters
worker_pool = "threads"
worker_concurrency = 1
worker_prefetch_multiplier = 16  # of the largest messages; of small ones 500 times as many (tasks/window.py)
worker_consumer = "tasks.door:Door"
# Celery would close the database's connection before and after each task of its own: each second where the
# sweeps run. Django's own rule, applied as each task begins, will do (creditsvc/celery.py); of what is gathered, a
# connection that was cut shows by its first statement (ledger/journal/surely.py).
CELERY_DB_REUSE_MAX = 1_000_000
worker_hijack_root_logger = False
worker_redirect_stdouts = False
worker_send_task_events = False
worker_cancel_long_running_tasks_on_connection_loss = False
worker_enable_prefetch_count_reduction = False
worker_detect_quorum_queues = True

# --- Brokers ---------------------------------------------------------------------------------------------------------
broker_transport_options: dict[str, object]
if environment.broker_url.startswith(("redis", "rediss")):
    # Longer than any batch takes: what is unacknowledged for longer is delivered again.
    broker_transport_options = {"visibility_timeout": 3600}
elif environment.broker_is_embedded:
    # SQLite lets one process write at a time; the others wait for it so long.
    broker_transport_options = {"connect_args": {"timeout": 30}}
    database_engine_options = {"connect_args": {"timeout": 30}}
else:
    broker_transport_options = {"confirm_publish": True}

# --- Tasks and schedule ----------------------------------------------------------------------------------------------
imports = ("tasks.handlers", "tasks.notifiers", "tasks.sweeps")


def _every(seconds: int, task: str) -> dict[str, object]:
    # A sweep that nobody took for long is not worth keeping; not too soon, for the hosts' clocks differ.
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 30), "ignore_result": True}}


beat_schedule = {
    "publish what was not published at once": _every(5, "credits.sweep_outbox"),
    "post or park what waits, and post what has fallen due": _every(1, "credits.sweep_due"),
    "forget what was published long ago": _every(600, "credits.prune_outbox"),
}
beat_schedule_filename = str(environment.var_dir / "celerybeat-schedule")
