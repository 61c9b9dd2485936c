"""The demonstration's two ends of the broker: a producer that knows names and JSON, and a listener to events."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty
from threading import Event, Thread
from typing import Any

from celery import Celery
from kombu import Connection, Queue

from creditsvc.demo.story import MERCHANT_ID
from creditsvc.environment import environment
from ledger.events import CONSUMED
from tasks.transports import is_embedded

RESULT_TIMEOUT_S = 60
LOOK_UP_EVERY_S = 0.05


class Producer:
    """Enqueues commands as any other service would: by the task's name, with JSON."""

    def __init__(self, service: Celery) -> None:
        self.celery = Celery(broker=environment.broker_url, backend=environment.result_backend, set_as_current=False)
        self.celery.conf.broker_transport_options = service.conf.broker_transport_options
        self._queues = {name: route["queue"] for name, route in service.conf.task_routes.items()}

    def send(self, task: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Enqueue a command, ask for its result and return the outcome, parked ones included."""
        result = self.celery.send_task(
            task, kwargs=dict(fields), queue=Queue(self._queues[task], no_declare=True), ignore_result=False
        )
        try:
            outcome: dict[str, Any] = result.get(timeout=RESULT_TIMEOUT_S, interval=LOOK_UP_EVERY_S)
        except Exception as error:
            # What the service calls CommandParked, as another service meets it: a class that the backend has made up.
            if type(error).__name__ != "CommandParked":
                raise
            outcome = error.args[0]
        return outcome


@contextmanager
def printed_events(service: Celery) -> Iterator[None]:
    """Print every event that the service publishes, as it arrives, for as long as the block runs."""
    finished = Event()
    thread = Thread(target=_print_events, args=(service, finished), daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _print_events(service: Celery, finished: Event) -> None:
    with Connection(environment.broker_url, transport_options=service.conf.broker_transport_options) as connection:
        queue = service.conf["embedded_events_queue"]
        if not is_embedded(service):
            queue = Queue("", exchange=service.conf["events"], routing_key="#", exclusive=True)
        with connection.SimpleQueue(queue, no_ack=True) as arriving:
            told = Telling()
            while not finished.is_set():
                try:
                    message = arriving.get(timeout=0.5)
                except Empty:
                    told.finish_run()
                else:
                    told.add(json.loads(message.body))
            told.finish_run()


class Telling:
    """Prints events, a run of consumptions as one line."""

    def __init__(self) -> None:
        self._run: list[Mapping[str, Any]] = []

    def add(self, envelope: Mapping[str, Any]) -> None:
        """One more event has arrived."""
        if envelope["event_type"] != CONSUMED:
            self.finish_run()
            _print_event(envelope)
            return
        if self._run and _whose(self._run[0]) != _whose(envelope):
            self.finish_run()
        self._run.append(envelope)

    def finish_run(self) -> None:
        """Print the consumptions that have come one after the other."""
        if len(self._run) > 1:
            first, last = self._run[0], self._run[-1]
            numbers = f"{_number(first)}–{_number(last)}"
            facts = f"balance={last['data']['balance']} after the last"
            print(f"      {len(self._run)} events of {numbers}{_whose(first)}  {CONSUMED}  {facts}", flush=True)  # noqa: T201
        elif self._run:
            _print_event(self._run[0])
        self._run.clear()


def _print_event(envelope: Mapping[str, Any]) -> None:
    data = {name: value for name, value in envelope["data"].items() if name not in ("merchant_id", "platform_name")}
    facts = " ".join(f"{name}={value}" for name, value in data.items())
    print(f"      event {_number(envelope)}{_whose(envelope)}  {envelope['event_type']}  {facts}", flush=True)  # noqa: T201


def _whose(envelope: Mapping[str, Any]) -> str:
    """Which merchant an event is about, where it isn't the story's."""
    merchant_id = envelope["data"]["merchant_id"]
    return "" if merchant_id == MERCHANT_ID else f" of merchant {merchant_id}"


def _number(envelope: Mapping[str, Any]) -> int:
    number: int = envelope["metadata"]["account_sequence"]
    return number
