"""Producers: the broker's user who sent a message, as RabbitMQ has validated it; kept when a message is sent again."""

from collections.abc import Callable
from hashlib import sha256

from django.core.signing import BadSignature, Signer
from kombu.message import Message as BrokerMessage
from kombu.transport.pyamqp import Message as RabbitMQMessage

from ledger.messages import SENT_FOR

USER_ID = "user_id"


def producer_of(message: BrokerMessage, body: Callable[[], bytes]) -> str:
    """The user who sent a message; empty where nobody has validated one. body is only asked for where it matters.

    RabbitMQ refuses a message whose property user_id is not its sender's. On other brokers it is only a claim.
    """
    vouched = message.headers.get(SENT_FOR)
    if isinstance(vouched, str):
        return _read(vouched, body())
    user = message.properties.get(USER_ID)
    return user if user and isinstance(message, RabbitMQMessage) else ""


def vouched_for(producer: str, body: bytes) -> str:
    """The header's value under which a message with this body stays its producer's when we send it again."""
    return _signer(body).sign(producer)


def _read(vouched: str, body: bytes) -> str:
    try:
        return _signer(body).unsign(vouched)
    except (BadSignature, ValueError):  # the latter of what can't be encoded
        return ""


def _signer(body: bytes) -> Signer:
    return Signer(salt=f"credits.producer:{sha256(body).hexdigest()}")
