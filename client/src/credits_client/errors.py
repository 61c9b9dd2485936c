"""The client's errors: each one's docstring says what it means and what to do."""

from pydantic import ValidationError


class CreditsClientError(Exception):
    """The client could not do what it was asked."""


class FieldRefused(CreditsClientError):
    """A field may not hold that value; nothing was sent, and sending it again can't help.

    task names the command or event, field the first refused field (of an item: items.3.amount), reason says why;
    problems holds every refused field with its reason.
    """

    def __init__(self, task: str, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(task, problems)
        self.task = task
        self.problems = problems
        self.field, self.reason = problems[0]

    def __str__(self) -> str:
        return f"{self.task}: " + "; ".join(f"{field}: {reason}" for field, reason in self.problems)

    @classmethod
    def from_validation(cls, task: str, error: ValidationError) -> "FieldRefused":
        """The refusal that pydantic's error tells of."""
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return cls(
            task,
            tuple(
                (".".join(map(str, each["loc"])) or "fields", each["msg"].removeprefix("Value error, "))
                for each in found
            ),
        )


class NotConfirmed(CreditsClientError):
    """The broker has not confirmed the message.

    message_id is its task id or event id: sending the same command again with it is the very same message.
    """

    def __init__(self, message_id: str, why: str) -> None:
        super().__init__(message_id, why)
        self.message_id = message_id
        self.why = why

    def __str__(self) -> str:
        return f"{self.message_id}: {self.why}"


class Unroutable(NotConfirmed):
    """No queue is bound for the message; it was not stored. Is the service's topology declared on this broker?"""


class Nacked(NotConfirmed):
    """The broker would not take the message, as when its queue is full; sending it again later is safe."""


class BrokerRefused(NotConfirmed):
    """The broker forbids it or can't take it as it is: credentials, permissions, a missing exchange, no memory."""


class BrokerUnreachable(NotConfirmed):
    """No connection could be opened in any attempt; the message never left. Sending it again is safe."""


class DeliveryUnknown(NotConfirmed):
    """The connection failed before the confirm, in every attempt: whether the message arrived is unknown.

    Sending it again is safe: the reference in it, and its id, make a repeat change nothing.
    """


class Trouble(Exception):
    """The connection failed; what is unanswered may be sent again."""


class UnknownBroker(CreditsClientError):
    """The broker's URL is of no kind that the credit service runs on, or its driver is not installed."""
