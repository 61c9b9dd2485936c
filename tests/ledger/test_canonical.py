"""The canonical form: written fast or by the standard library's writer, a row's digest is one and the same."""

import hashlib
import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import rfc3339
from ledger.outcomes import Status
from ledger.rules.chain import COVERED, content_digest, row_digest
from ledger.rules.state import Kind, Operation

texts = st.text(st.characters(codec="utf-8"), max_size=12)
values = texts | st.none() | st.booleans() | st.integers() | st.uuids()
rows = st.fixed_dictionaries(
    dict.fromkeys(COVERED, values)
    | {
        "status": st.sampled_from(Status),
        "kind": st.sampled_from(Kind),
        "operation": st.sampled_from(Operation),
        "created_at": st.datetimes(timezones=st.just(UTC)),
        "allocations": st.lists(st.tuples(st.uuids(), st.integers(1, 10**12)), max_size=3) | st.just(()),
        "terms": st.just({}) | st.dictionaries(texts, texts | st.floats(allow_nan=False), max_size=3),
    }
)
metadata = st.dictionaries(texts, texts | st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1), max_size=4)


def hashed(value: Any) -> str:
    """By the standard library: sorted keys, no spaces, nothing escaped that need not be."""
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(written.encode()).hexdigest()


@pytest.mark.slow
@given(rows, texts)
def test_of_a_row(row: dict[str, Any], previous: str) -> None:
    counted = {name: value for name, value in row.items() if name != "producer" or value}
    by_the_book = hashed({**counted, "created_at": rfc3339(row["created_at"]), "previous": previous})

    assert row_digest(previous, row) == by_the_book


@given(metadata, texts.filter(bool), texts)
def test_of_description_and_metadata(given_metadata: dict[str, Any], description: str, salt: str) -> None:
    by_the_book = hashed({"description": description, "metadata": given_metadata, "salt": salt})

    assert content_digest(description, given_metadata, salt=salt) == by_the_book
