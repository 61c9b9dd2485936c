"""The brokers: how a flight is carried to RabbitMQ, to Redis and to the embedded broker."""

from importlib import import_module

from credits_client.brokers.base import Broker, Settings
from credits_client.errors import UnknownBroker

__all__ = ["Broker", "Settings", "broker_for"]

_KINDS = {
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "pyamqp": "rabbitmq",
    "redis": "redis",
    "rediss": "redis",
    "sentinel": "redis",
    "sqla": "embedded",
    "sqlalchemy": "embedded",
}


def broker_for(settings: Settings) -> Broker:
    """The broker of the URL's kind, not connected yet; raises UnknownBroker.

    Its module is imported only now, because Redis and SQLAlchemy are optional.
    """
    scheme = settings.url.partition("://")[0].partition("+")[0].lower()
    if scheme not in _KINDS:
        raise UnknownBroker(f"{scheme}:// is no RabbitMQ, Redis or embedded broker (sqla+sqlite:///...)")
    kind = _KINDS[scheme]
    try:
        module = import_module(f"credits_client.brokers.{kind}")
    except ImportError as error:
        raise UnknownBroker(f"{error.name} is missing: pip install 'credits-client[{kind}]'") from error
    broker: Broker = module.broker(settings)
    return broker
