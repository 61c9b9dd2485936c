"""Real servers for tests and benchmarks: private PostgreSQL, RabbitMQ and Redis, from the machine's own binaries.

    with PostgreSQL.for_tests() as server:
        server.url       # postgresql://…, until the block ends

Each listens on 127.0.0.1 alone, on a free port, with a password of its own, in a temporary folder that goes when
it stops. No other server, folder or database is ever touched.
"""

from tests.servers.postgresql import PostgreSQL
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.redis import Redis
from tests.servers.server import Server, ServerFailed

__all__ = ["PostgreSQL", "RabbitMQ", "Redis", "Server", "ServerFailed"]
