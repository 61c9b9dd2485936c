"""`manage.py simulate FILE.jsonl`: what would become of a file of commands, without changing anything."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from django.core.management.base import CommandError, CommandParser

from ledger.commands import COMMANDS, ConsumeMany
from ledger.management.terminal import TerminalCommand, harmless
from ledger.messages import Message
from ledger.outcomes import Outcome, ParkReason, Status
from ledger.requests import Request
from ledger.staff.simulation import Effect, Simulation, simulate
from tasks.errors import Refusal
from tasks.reading import Item, parked, read_command, to_park

MAX_LINES = 100_000  # they are planned together, in memory
KEYS = {"task", "kwargs", "correlation_id"}
Line = tuple[int, str, Item]  # its number, its task, and one request of it


class Command(TerminalCommand):
    """manage.py simulate FILE.jsonl [--json]"""

    help = (
        "Plans a file of commands against the present books with the very rules that would post them, and prints what "
        'would become of each and of the balances. Changes nothing. A line is {"task": "credits.…", "kwargs": {…}}. '
        "Exits 1 where a command would be parked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="JSON lines; - for standard input")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON lines")

    def handle(self, *, file: str, as_json: bool, **options: Any) -> None:
        lines = list(_read(file))
        simulation = simulate([item for _, _, item in lines if isinstance(item, Request)])
        decided = iter(simulation.outcomes)
        outcomes = [next(decided) if isinstance(item, Request) else parked(item) for _, _, item in lines]
        if as_json:
            self._print_json(lines, outcomes, simulation)
        else:
            self._print(lines, outcomes, simulation)
        if any(outcome.status is Status.PARKED for outcome in outcomes):
            raise SystemExit(1)

    def _print_json(self, lines: Iterable[Line], outcomes: Iterable[Outcome], simulation: Simulation) -> None:
        for (number, task, _), outcome in zip(lines, outcomes, strict=True):
            told = outcome.as_dict()
            if not outcome.replayed:
                told["transaction_id"] = None  # it has none yet
            self._write({"line": number, "task": task, **told})
        for effect in simulation.effects:
            self._write(_effect_as_json(effect))
        self._write({"events": simulation.events})

    def _write(self, value: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(value, ensure_ascii=False))

    def _print(self, lines: Iterable[Line], outcomes: Iterable[Outcome], simulation: Simulation) -> None:
        for (number, task, _), outcome in zip(lines, outcomes, strict=True):
            became = " ".join(part for part in (str(outcome.status), outcome.reason) if part)
            replayed = " (replayed)" if outcome.replayed else ""
            reference = f"{outcome.reference_type or '-'}/{outcome.reference_id or '-'}"
            balance = "" if outcome.balance is None else f"  balance {outcome.balance}"
            self.stdout.write(harmless(f"{number:>6}  {task:<22} {reference}  {became}{replayed}{balance}"))
        self.stdout.write("\nBalances, before and after:")
        for effect in simulation.effects:
            before = "-" if effect.before is None else effect.before
            self.stdout.write(f"  {effect.merchant_id}  {before} -> {effect.after}, available {effect.available}")
        told = ", ".join(f"{count} {event_type}" for event_type, count in simulation.events.items())
        self.stdout.write(f"Events: {told or 'none'}\nNothing was changed.")


def _read(file: str) -> Iterator[Line]:
    """The requests of a file's lines. Raises CommandError with the number of a line that is no command at all."""
    with _opened(file) as text:
        for number, line in enumerate(text, 1):
            if number > MAX_LINES:
                raise CommandError(f"{file}: more than {MAX_LINES} lines; cut the file")
            if line.strip():
                yield from _read_line(file, number, line)


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    if file == "-":
        yield sys.stdin
        return
    try:
        with open(file, encoding="utf-8") as text:
            yield text
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: {error}") from None


def _read_line(file: str, number: int, line: str) -> Iterator[Line]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise CommandError(f"{file}, line {number}: not JSON") from None
    if not isinstance(value, dict) or value.keys() - KEYS or "task" not in value:
        raise CommandError(f"{file}, line {number}: must be an object of task, kwargs and maybe correlation_id")
    task = str(value["task"])
    kwargs = value.get("kwargs", {})
    for item in _items(task, kwargs, str(value.get("correlation_id") or "simulation")):
        yield number, task, item


def _items(task: str, kwargs: Any, correlation_id: str) -> list[Item]:
    """The requests of one command, read as a worker reads it: what is refused would be parked."""
    message = Message(queue="", name=task, body=b"")
    try:
        if task not in COMMANDS and task != ConsumeMany.task:
            raise Refusal(ParkReason.UNKNOWN_TASK, field="task", detail=f"there is no {task!r}")
        return read_command(task, kwargs, correlation_id=correlation_id, whole=lambda: message)
    except Refusal as refusal:
        return [to_park(refusal, message=message, correlation_id=correlation_id, fields=kwargs)]


def _effect_as_json(effect: Effect) -> dict[str, Any]:
    return {
        "merchant_id": str(effect.merchant_id),
        "balance_before": effect.before,
        "balance_after": effect.after,
        "held": effect.held,
        "available": effect.available,
    }
