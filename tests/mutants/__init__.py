"""Mutants: the code broken on purpose, each in one place that matters, and the one test that must notice it.

`make mutants` runs them all, `make mutants ONLY=name` one. How to add one: docs/mutants.md.
"""

from tests.mutants import (
    acknowledging,
    borders,
    idempotency,
    journal,
    messages,
    outbox,
    publishing,
    reads,
    rules,
    staff,
)
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *idempotency.MUTANTS,
    *rules.MUTANTS,
    *journal.MUTANTS,
    *outbox.MUTANTS,
    *messages.MUTANTS,
    *acknowledging.MUTANTS,
    *borders.MUTANTS,
    *publishing.MUTANTS,
    *reads.MUTANTS,
    *staff.MUTANTS,
)
