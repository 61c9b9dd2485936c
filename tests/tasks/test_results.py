"""Results: one that can't be told fails nothing, and a part of a chord is told again."""

from typing import Any

import pytest
from celery.backends.base import DisabledBackend
from celery.exceptions import Reject

from creditsvc.celery import app


def backend_failing_of(error: Exception, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application's backend, which fails of this whenever it is called by that name."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(DisabledBackend, name, fail)
    monkeypatch.setattr("tasks.results.PAUSE_S", 0.0)
    return app._get_backend()


@pytest.mark.parametrize("name", ["store_result", "on_chord_part_return"])
def test_a_result_that_cannot_be_told_fails_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    backend = backend_failing_of(ValueError("no such type"), name, monkeypatch)

    assert getattr(backend, name)("id-1", "done") is None


def test_results_that_are_away_fail_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = backend_failing_of(ConnectionError("away"), "store_result", monkeypatch)

    assert backend.store_result("id-1", "done", "SUCCESS") is None


def test_a_part_of_a_chord_comes_again_until_it_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = backend_failing_of(ConnectionError("away"), "on_chord_part_return", monkeypatch)

    with pytest.raises(Reject) as rejected:
        backend.on_chord_part_return(None, "SUCCESS", "done")

    assert rejected.value.requeue
