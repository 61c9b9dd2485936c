"""The document's drills and the tests': every drill that is printed is carried out."""

from tests.drills.drill import drills, steps

CARRIED_OUT = {"restore", "rebuild", "broker", "poison", "outbox"}


def test_every_drill_that_the_document_prints_is_carried_out() -> None:
    assert drills() == CARRIED_OUT
    assert all(steps(name) for name in CARRIED_OUT)
