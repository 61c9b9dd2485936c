"""Row 7: the producer package's bulk call against Celery's send_task in a loop, each message confirmed."""

from bench.queues import Queues
from bench.row import Pair, Row, Wrong
from bench.stand import Stand
from creditsvc.environment import BASE_DIR

BULK, ONE_BY_ONE = 100_000, 20_000
QUEUE = "credits.consume"


def turn(stand: Stand, scale: float) -> Pair:
    """The same kind of messages by both, each into a new queue of the service's."""
    return Pair(
        per_second(stand, "in_bulk", count=round(BULK * scale)),
        per_second(stand, "one_by_one", count=round(ONE_BY_ONE * scale)),
    )


def per_second(stand: Stand, way: str, *, count: int) -> float:
    """Messages confirmed per second by a process of bench.producing. Raises Wrong unless the queue holds them all."""
    with stand.virtual_host() as host:
        environment = stand.environment(database_url="sqlite://:memory:", broker_url=host.url)
        stand.run("manage.py", "declare_topology", environment=environment)
        producing = {**environment, "PYTHONPATH": str(BASE_DIR / "client" / "src")}
        printed = stand.run("python", "-m", "bench.producing", way, str(count), environment=producing)
        with Queues(host.url) as queues:
            held = queues.ready(QUEUE)
        if held != count:
            raise Wrong(f"{count} confirmed, {held} in the queue")
    return count / float(printed.splitlines()[-1])


row = Row(
    number="7",
    what="messages confirmed, the producer package's bulk call, `consume_match`, fields checked",
    against="Celery's `send_task` in a loop, `confirm_publish` on, same messages, same queue",
    unit="messages/s",
    turn=turn,
    at_least=5,
)
