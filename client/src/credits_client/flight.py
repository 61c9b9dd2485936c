"""The flight: messages that are under way together, and what the broker has answered for each."""

from collections.abc import Sequence
from enum import Enum

from credits_client.errors import NotConfirmed
from credits_client.messages import Message


class Confirmed(Enum):
    """The broker has taken the message."""

    CONFIRMED = "confirmed"


CONFIRMED = Confirmed.CONFIRMED
Answer = Confirmed | NotConfirmed


class Flight:
    """Messages by position; departed once any byte of them may have reached the broker."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.departed = False
        self._answers: dict[int, Answer] = {}

    @property
    def unanswered(self) -> list[int]:
        """The positions that the broker has not answered yet, in order."""
        return [position for position in range(len(self.messages)) if position not in self._answers]

    def confirm(self, position: int) -> None:
        """The broker took it; an answer that came before, such as a return, stands."""
        self._answers.setdefault(position, CONFIRMED)

    def refuse(self, position: int, *, error: type[NotConfirmed], why: str) -> None:
        """The broker did not take it, and won't."""
        self._answers[position] = error(self.messages[position].message_id, why)

    def refuse_unanswered(self, *, error: type[NotConfirmed], why: str) -> None:
        """The same of everything that has no answer."""
        for position in self.unanswered:
            self.refuse(position, error=error, why=why)

    def answers(self) -> list[Answer]:
        """One answer for each message, in order; only when nothing is unanswered."""
        return [self._answers[position] for position in range(len(self.messages))]
