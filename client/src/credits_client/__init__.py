"""The producer of the credit service's commands and plain events, for other services. See README.md."""

from credits_client.commands import (
    Command,
    Consume,
    ConsumeMany,
    ConsumeMatch,
    Grant,
    OpenAccount,
    Purchase,
    StartTrial,
    command,
)
from credits_client.errors import (
    BrokerRefused,
    BrokerUnreachable,
    CreditsClientError,
    DeliveryUnknown,
    FieldRefused,
    Nacked,
    NotConfirmed,
    UnknownBroker,
    Unroutable,
)
from credits_client.events import CreditsPurchased, MatchCompleted, MerchantCreated, PlainEvent, TrialStarted
from credits_client.producer import CreditsProducer
from credits_client.reports import Failure, Interrupted, Report, SomeFailed
from credits_client.retry import Retry

__all__ = [
    "BrokerRefused",
    "BrokerUnreachable",
    "Command",
    "Consume",
    "ConsumeMany",
    "ConsumeMatch",
    "CreditsClientError",
    "CreditsProducer",
    "CreditsPurchased",
    "DeliveryUnknown",
    "Failure",
    "FieldRefused",
    "Grant",
    "Interrupted",
    "MatchCompleted",
    "MerchantCreated",
    "Nacked",
    "NotConfirmed",
    "OpenAccount",
    "PlainEvent",
    "Purchase",
    "Report",
    "Retry",
    "SomeFailed",
    "StartTrial",
    "TrialStarted",
    "UnknownBroker",
    "Unroutable",
    "command",
]
