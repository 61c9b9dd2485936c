"""Arrays: whatever a column holds comes out of PostgreSQL as it went in."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.arrays import array_of, array_of_json
from ledger.rules.state import Kind
from tests.ledger.raw_sql import on_postgresql

texts = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))
parts = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
json_values = st.dictionaries(texts.map(str), parts | st.lists(parts))


def test_numbers_ids_moments_and_members_need_no_quoting() -> None:
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)

    assert array_of([1, None]) == "{1,null}"
    assert array_of([UUID(int=1)]) == '{"00000000-0000-0000-0000-000000000001"}'
    assert array_of([moment]) == '{"2026-01-31T12:00:00Z"}'
    assert array_of([True]) == "{true}"
    assert array_of([Kind.GRANT, None]) == '{"grant",null}'
    assert array_of([None, Kind.GRANT]) == '{null,"grant"}'
    assert array_of([]) == "{}"


@pytest.mark.django_db
@on_postgresql
@pytest.mark.parametrize("type_", ["text", "bigint", "boolean", "uuid", "timestamptz"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_column_comes_back_as_it_was(type_: str, data: st.DataObject) -> None:
    of_type: dict[str, st.SearchStrategy[Any]] = {
        "text": texts,
        "bigint": st.none() | st.integers(-(2**63), 2**63 - 1),
        "boolean": st.none() | st.booleans(),
        "uuid": st.none() | st.uuids(),
        "timestamptz": st.none() | st.datetimes(timezones=st.just(UTC)),
    }
    column = data.draw(st.lists(of_type[type_], min_size=1))

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT value FROM unnest(%s::{type_}[]) AS value", [array_of(column)])
        came_back = [row[0] for row in cursor.fetchall()]

    assert came_back == column


@pytest.mark.django_db
@on_postgresql
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(column=st.lists(json_values, min_size=1))
def test_json_comes_back_as_it_was(column: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value::text::json FROM unnest(%s::jsonb[]) AS value", [array_of_json(column)])
        came_back = [row[0] for row in cursor.fetchall()]

    assert came_back == column
