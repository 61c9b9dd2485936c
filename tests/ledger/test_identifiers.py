"""Our own ids: UUIDs of version 7 that sort in the order in which they were made."""

from concurrent.futures import ThreadPoolExecutor
from time import time
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from ledger.identifiers import derived, new_id


def test_ids_sort_in_the_order_in_which_they_were_made():
    ids = [new_id() for _ in range(10_000)]

    assert ids == sorted(ids)
    assert [id_.hex for id_ in ids] == sorted(id_.hex for id_ in ids)


def test_ids_made_by_several_threads_at_once_are_all_different_also_without_their_random_part():
    with ThreadPoolExecutor(4) as pool:
        ids = [id_ for made in pool.map(lambda _: [new_id() for _ in range(2_000)], range(4)) for id_ in made]

    assert len({id_.int >> 64 for id_ in ids}) == len(ids)


def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_time_in_milliseconds():
    before = int(time() * 1000)
    id_ = new_id()

    assert (id_.version, id_.variant) == (7, "specified in RFC 4122")
    assert before <= id_.int >> 80 <= int(time() * 1000) + 1_000


@given(st.uuids(), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_derived_id_is_the_uuid_of_version_5(namespace: UUID, name: str):
    assert derived(namespace, name) == str(uuid5(namespace, name))
