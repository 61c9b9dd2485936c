"""Results: one that can't be told fails nothing; a part of a chord, or an errback, is told or sent again."""

from types import SimpleNamespace
from typing import Any

import pytest
from amqp.exceptions import AccessRefused
from celery.backends.base import DisabledBackend
from celery.exceptions import Reject
from celery.states import REVOKED, SUCCESS
from kombu.exceptions import OperationalError
from redis import exceptions as of_redis

from creditsvc.celery import app

PART = SimpleNamespace(id="id-1", ignore_result=True, handed="", chord={"task": "credits.consume"})
AWAY = [
    ConnectionError("away"),
    of_redis.ConnectionError("away"),
    of_redis.TimeoutError("says nothing"),
    of_redis.OutOfMemoryError("full"),
    of_redis.ReadOnlyError("a replica"),
    of_redis.ResponseError("MISCONF the disk is full"),
    of_redis.ResponseError("BUSY with a script"),
    of_redis.ResponseError("Error running script: @user_script:1: -OOM command not allowed"),  # before Redis 7
]
FOR_GOOD = [
    of_redis.ResponseError("WRONGTYPE"),
    of_redis.ResponseError("Error running script: @user_script:1: WRONGTYPE"),
    of_redis.ResponseError("value is not a valid float"),
    of_redis.DataError("no such type"),
]


def backend_failing_of(error: Exception, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application's backend, which fails of this whenever it is called by that name."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(DisabledBackend, name, fail)
    return app._get_backend()


@pytest.mark.parametrize("error", [*AWAY, ValueError("no such type")])
def test_a_result_that_cannot_be_stored_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    backend = backend_failing_of(error, "store_result", monkeypatch)

    assert backend.store_result("id-1", "done", SUCCESS) is None


@pytest.mark.parametrize("error", AWAY)
def test_a_part_of_a_chord_that_cannot_be_told_comes_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    backend = backend_failing_of(error, "on_chord_part_return", monkeypatch)

    with pytest.raises(Reject) as rejected:
        backend.mark_as_done("id-1", "done", PART)

    assert rejected.value.requeue


def test_what_is_known_of_a_result_is_told_to_whoever_else_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A revocation must not overwrite a failure that is stored."""
    monkeypatch.setattr(DisabledBackend, "get_state", lambda _, task_id: f"the state of {task_id}")

    assert app._get_backend().get_state("id-1") == "the state of id-1"


@pytest.mark.parametrize("error", FOR_GOOD)
def test_a_part_of_a_chord_that_no_results_would_take_does_not_come_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    backend = backend_failing_of(error, "on_chord_part_return", monkeypatch)

    assert backend.on_chord_part_return(PART, SUCCESS, "done") is None


def test_a_part_of_a_chord_that_was_revoked_is_dropped_whatever_becomes_of_the_chord(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = backend_failing_of(ConnectionError("away"), "on_chord_part_return", monkeypatch)

    assert backend.on_chord_part_return(PART, REVOKED, "revoked") is None


@pytest.mark.parametrize("error", [OperationalError("away"), AccessRefused("refused")])
def test_an_errback_that_cannot_be_sent_has_its_message_come_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    backend = backend_failing_of(error, "_call_task_errbacks", monkeypatch)
    failed = SimpleNamespace(id="id-1", ignore_result=True, handed="", chord=None, chain=None, errbacks=["any"])

    with pytest.raises(Reject) as rejected:
        backend.mark_as_failure("id-1", ValueError("no"), request=failed)

    assert rejected.value.requeue


def test_an_errback_of_a_chords_body_fails_nothing_for_the_body_came_by_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = backend_failing_of(OperationalError("away"), "_call_task_errbacks", monkeypatch)

    assert backend._call_task_errbacks(SimpleNamespace(id="body", errbacks=["any"]), ValueError("no"), None) is None
