"""Shutdown: what is waiting for the database or the broker stops waiting when the worker is told to stop."""

from threading import Event

from celery.signals import worker_shutting_down

stopping = Event()


@worker_shutting_down.connect
def stop_waiting(**_: object) -> None:
    """SIGTERM or SIGINT has reached the worker."""
    stopping.set()


def pause(seconds: float) -> bool:
    """Wait that long, or until the worker is told to stop; whether to go on."""
    return not stopping.wait(seconds)
