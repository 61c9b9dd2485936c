"""The faults: what is broken, for how long, and how it is mended. Each returns whether it could be thrown."""

import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from random import Random

import psycopg2

from tests.chaos import disk
from tests.chaos.crew import CREW, LEDGER_WORKERS, WORKERS
from tests.chaos.points import AFTER_NOTICE, POINTS_OF_LEDGER_WORKERS
from tests.chaos.stage import CONSUMER_TIMEOUT_MS, Stage

ARMED_SECONDS = 20.0
POLL_SECONDS = 0.05
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Throw:
    """One throw: where, by which chance, and for how many seconds what can be away is away."""

    stage: Stage
    chance: Random
    away_s: float

    def sleep(self, share: float = 1.0) -> None:
        time.sleep(self.away_s * share)


def kill_a_process(throw: Throw) -> bool:
    throw.stage.crew.hit(throw.chance.choice(CREW), signal.SIGKILL)
    return True


def stop_a_process(throw: Throw) -> bool:
    throw.stage.crew.hit(throw.chance.choice(CREW), signal.SIGTERM)
    return True


def stop_all_workers_in_turn(throw: Throw) -> bool:
    for name in WORKERS:
        throw.stage.crew.hit(name, signal.SIGTERM)
        throw.sleep(0.3)
    return True


def kill_at(point: str, workers: tuple[str, ...]) -> Callable[[Throw], bool]:
    """Kill whichever of these workers passes the point first."""

    def kill(throw: Throw) -> bool:
        crew = throw.stage.crew
        armed = {name: crew.arm(name, point) for name in workers}
        deadline = time.monotonic() + ARMED_SECONDS
        while all(file.exists() for file in armed.values()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        happened = [crew.disarm(name, file) for name, file in armed.items()]  # every one of them
        return any(happened)

    return kill


def kill_the_broker(throw: Throw) -> bool:
    (throw.stage.rabbitmq or throw.stage.redis).restart()
    return True


def broker_out_of_reach(throw: Throw) -> bool:
    throw.stage.before_broker.close_door()
    throw.sleep()
    throw.stage.before_broker.open_door()
    return True


def broker_says_nothing(throw: Throw) -> bool:
    throw.stage.before_broker.silence()
    throw.sleep(0.5)
    throw.stage.before_broker.speak()
    return True


def broker_connections_cut(throw: Throw) -> bool:
    return _cut(throw, throw.stage.before_broker.cut)


def publishers_blocked(throw: Throw) -> bool:
    """The broker is short of memory and takes no message from anybody."""
    rabbitmq = throw.stage.rabbitmq
    if rabbitmq is None:
        return False
    rabbitmq.control("set_vm_memory_high_watermark", "absolute", "1MB")
    throw.sleep()
    rabbitmq.control("set_vm_memory_high_watermark", "0.4")
    return True


def consumer_timeout_reached(throw: Throw) -> bool:
    """Every account is locked for longer than the broker waits for an acknowledgement."""
    if throw.stage.rabbitmq is None:
        return False
    with closing(psycopg2.connect(throw.stage.database_url)) as other, other.cursor() as cursor:
        cursor.execute("SET lock_timeout = '20s'")
        cursor.execute("SELECT 1 FROM credit_accounts ORDER BY merchant_id FOR UPDATE")
        time.sleep(CONSUMER_TIMEOUT_MS / 1000 + 2)
    return True


def results_lost(throw: Throw) -> bool:
    """The result backend is killed; where it is the broker too, that fault is another one."""
    if throw.stage.rabbitmq is None:
        return False
    throw.stage.redis.restart()
    return True


def stop_the_database(throw: Throw) -> bool:
    throw.stage.postgresql.stop_at_once()
    throw.sleep(0.5)
    throw.stage.postgresql.restart()
    return True


def kill_the_database(throw: Throw) -> bool:
    throw.stage.postgresql.restart()
    return True


def backends_terminated(throw: Throw) -> bool:
    for _ in range(3):
        throw.stage.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND usename IS NOT NULL"
        )
        throw.sleep(throw.chance.random() * 0.3)
    return True


def database_read_only(throw: Throw) -> bool:
    throw.stage.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    throw.stage.execute("SELECT pg_reload_conf()")
    throw.sleep()
    throw.stage.execute("ALTER SYSTEM RESET default_transaction_read_only")
    throw.stage.execute("SELECT pg_reload_conf()")
    return True


def database_connections_cut(throw: Throw) -> bool:
    return _cut(throw, throw.stage.before_database.cut)


def database_says_nothing(throw: Throw) -> bool:
    throw.stage.before_database.silence()
    throw.sleep(0.5)
    throw.stage.before_database.speak()
    return True


def disk_full(throw: Throw) -> bool:
    """No room left where the database is, where that can be arranged."""
    if throw.stage.disk is None:
        return False
    with disk.filled(throw.stage.disk):
        throw.sleep()
    throw.stage.postgresql.restart()  # without room for its log it may have ended
    return True


def clock_jumps(throw: Throw) -> bool:
    throw.stage.crew.jump(throw.chance.choice((HOUR_S, -HOUR_S, 90.0, -90.0)))
    throw.sleep()
    throw.stage.crew.jump(0)
    return True


def _cut(throw: Throw, cut: Callable[[], None]) -> bool:
    """Again and again, wherever the statements and frames are just then."""
    ends_at = time.monotonic() + throw.away_s
    while time.monotonic() < ends_at:
        time.sleep(throw.chance.uniform(0.05, 0.8))
        cut()
    return True


DATABASE, BROKER, RESULTS, PROCESSES, CLOCK = "database", "broker", "results", "processes", "clock"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is thrown, what it breaks, and whether Redis as the broker may lose a message by it."""

    name: str
    breaks: str
    throw: Callable[[Throw], bool]
    redis_may_lose: bool = False


FAULTS = (
    Fault("a process killed", PROCESSES, kill_a_process, redis_may_lose=True),
    Fault("a process told to stop", PROCESSES, stop_a_process),
    Fault("all workers told to stop in turn", PROCESSES, stop_all_workers_in_turn),
    *(
        Fault(f"killed {p}", PROCESSES, kill_at(p, LEDGER_WORKERS), redis_may_lose=True)
        for p in POINTS_OF_LEDGER_WORKERS
    ),
    Fault(f"killed {AFTER_NOTICE}", PROCESSES, kill_at(AFTER_NOTICE, ("notifications",)), redis_may_lose=True),
    Fault("broker killed", BROKER, kill_the_broker, redis_may_lose=True),
    Fault("broker out of reach", BROKER, broker_out_of_reach, redis_may_lose=True),
    Fault("broker says nothing", BROKER, broker_says_nothing, redis_may_lose=True),
    Fault("broker's connections cut", BROKER, broker_connections_cut, redis_may_lose=True),
    Fault("publishers blocked", BROKER, publishers_blocked),
    Fault("consumer_timeout reached", DATABASE, consumer_timeout_reached),
    Fault("results lost", RESULTS, results_lost),
    Fault("database stopped at once", DATABASE, stop_the_database),
    Fault("database killed", DATABASE, kill_the_database),
    Fault("every backend terminated", DATABASE, backends_terminated),
    Fault("database read-only", DATABASE, database_read_only),
    Fault("database's connections cut", DATABASE, database_connections_cut),
    Fault("database says nothing", DATABASE, database_says_nothing),
    Fault("disk full", DATABASE, disk_full),
    Fault("clock jumps", CLOCK, clock_jumps),
)
