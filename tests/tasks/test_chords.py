"""Chords whose results Redis holds: a body is sent once all parts are told, whoever is killed before it is."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery.app.task import Context

from tasks.application import Application
from tasks.results import Untold
from tests.e2e.producer import forget_results

pytestmark = [pytest.mark.servers, pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")]

BODY = {"task": "credits.consume", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": True}


class Chord:
    """A chord of two parts, and the queue that its body is sent to."""

    def __init__(self, app: Application) -> None:
        self.backend = app.backend
        self.group = str(uuid4())
        self.queue = app.conf.task_default_queue
        self.backend.set_chord_size(self.group, 2)

    def part(self, index: int) -> Context:
        """What Celery knows of the request of one part."""
        part = {"id": f"part {index} of {self.group}", "group": self.group, "group_index": index}
        return Context(part, chord={**BODY, "options": {"task_id": f"body of {self.group}"}}, errbacks=None, chain=None)

    def tell(self, index: int) -> None:
        """Tell that a part is done."""
        part = self.part(index)
        self.backend.mark_as_done(part.id, "done", part)

    def fail_by_chain(self, index: int) -> None:
        """Tell that what stands before a part in its chain has failed."""
        part = self.part(index)
        options = {"task_id": part.id, "group_id": part.group, "group_index": index, "chord": part.chord}
        before = Context(id="before", chord=None, errbacks=None, chain=[{**BODY, "options": options}])
        self.backend.mark_as_failure(before.id, ValueError("no"), request=before)

    def claim(self, *, is_made: bool) -> None:
        """Claim to start the body as a part does that is killed before it has, or have that claim run out."""
        key = self.backend.get_key_for_group(self.group, ".c")
        if is_made:
            self.backend.client.set(key, "of one that was killed")
        else:
            self.backend.client.delete(key)

    def bodies(self) -> int:
        """How often the body was sent: Redis, which is the broker too, has a list for a queue."""
        return int(self.backend.client.llen(self.queue))


@pytest.fixture
def chord(redis_url: str) -> Iterator[Chord]:
    with Application(broker=redis_url, backend=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = f"chords {uuid4()}"
        yield Chord(app)
        forget_results(app)


def test_a_body_is_sent_once_however_often_its_parts_are_told(chord: Chord) -> None:
    chord.tell(0)
    assert chord.bodies() == 0

    for index in (1, 0, 1):
        chord.tell(index)

    assert chord.bodies() == 1


def test_a_part_comes_again_until_a_body_is_sent_that_another_one_claimed_to_send(chord: Chord) -> None:
    chord.tell(0)
    chord.claim(is_made=True)

    for _ in range(2):
        with pytest.raises(Untold):
            chord.tell(1)
    assert chord.bodies() == 0

    chord.claim(is_made=False)
    chord.tell(1)
    assert chord.bodies() == 1


def test_a_part_that_failed_by_its_chain_is_told_although_its_own_failure_is_stored_already(
    chord: Chord, monkeypatch: pytest.MonkeyPatch
) -> None:
    chord.tell(0)

    def cut_off(*_: Any, **__: Any) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr(chord.backend, "_chord_part_return_script", cut_off)
    with pytest.raises(Untold):
        chord.fail_by_chain(1)
    monkeypatch.undo()
    chord.fail_by_chain(1)

    assert chord.backend.get_task_meta(f"body of {chord.group}")["status"] == "FAILURE"


def test_a_chain_whose_step_is_parked_is_told_without_results(redis_url: str) -> None:
    with Application(broker=redis_url, set_as_current=False) as app:
        options = {"task_id": "next", "group_id": "g", "chord": BODY}
        parked = Context(id="id-1", chord=None, errbacks=None, chain=[{**BODY, "options": options}])

        app.backend.mark_as_failure("id-1", ValueError("no"), request=parked)
