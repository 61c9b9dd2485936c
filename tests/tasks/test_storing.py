"""Storing what can't be carried out: one message that the database refuses holds up none of the others."""

import hashlib
import json
import zlib
from datetime import UTC, datetime

import pytest
from django.db import connection
from kombu.compression import compress, decompress

from ledger.journal import parking as journal
from ledger.journal.keeping import Kept
from ledger.journal.parking import ToPark
from ledger.models import ParkedMessage, WaitingCommand
from ledger.outcomes import ParkReason
from tasks import bounds
from tasks import parking as storing
from tasks.parking import store_kept, store_parked
from tests.admin.books import task_message

pytestmark = pytest.mark.django_db
DUE_AT = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
def refusing():
    """A database that refuses every row with the word poison."""
    sql = (
        "CREATE TEMP TRIGGER {name} BEFORE INSERT ON {table} WHEN NEW.{column} LIKE '%poison%' "
        "BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    if connection.vendor != "sqlite":
        pytest.skip("a trigger of SQLite's")
    with connection.cursor() as cursor:
        cursor.execute(sql.format(name="refuse_parked", table="credit_parked", column="body"))
        cursor.execute(sql.format(name="refuse_waiting", table="credit_waiting", column="message"))
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse_parked")
        cursor.execute("DROP TRIGGER refuse_waiting")


def messages(*words):
    return [task_message(kwargs={"word": word, "number": number}) for number, word in enumerate(words)]


def test_of_messages_to_park_one_that_is_refused_is_stored_without_its_body(refusing):
    sent = messages("good", "poison", "good", "good")

    store_parked([ToPark(message=message, reason=ParkReason.NOT_JSON, detail="of old") for message in sent])

    stored = list(ParkedMessage.objects.order_by("id"))
    assert sorted(row.reason for row in stored) == ["defect", "not_json", "not_json", "not_json"]
    (left,) = [row for row in stored if row.reason == "defect"]
    digest = hashlib.sha256(sent[1].body).hexdigest()
    assert left.body == digest
    assert f"{len(sent[1].body)} bytes, SHA-256 {digest}. of old" in left.detail


def test_of_messages_to_keep_one_that_is_refused_is_parked(refusing):
    store_kept([Kept(message=message, correlation_id="c", due_at=DUE_AT) for message in messages("good", "poison")])

    assert WaitingCommand.objects.count() == 1
    assert [row.reason for row in ParkedMessage.objects.all()] == ["defect"]


def test_messages_are_stored_so_many_bytes_at_once(monkeypatch):
    monkeypatch.setattr(storing, "MOST_BYTES_AT_ONCE", 100)
    parts = []
    monkeypatch.setattr(storing, "park", lambda part: parts.append(len(part)) or journal.park(part))

    store_parked([ToPark(message=message, reason=ParkReason.NOT_JSON) for message in messages(*"abcdefgh")])

    assert ParkedMessage.objects.count() == 8
    assert max(parts) <= 3


@pytest.mark.parametrize("way", ["zlib", "bzip2", "lzma"])
def test_a_compressed_body_is_taken_up_to_a_bound(monkeypatch, way):

    bounds.install()
    small, _ = compress(json.dumps("x" * 1000).encode(), way)
    large, _ = compress(b"x" * 2000, way)
    monkeypatch.setattr(bounds, "MAX_DECOMPRESSED_BYTES", 1500)

    assert decompress(small, way) == json.dumps("x" * 1000).encode()
    with pytest.raises(ValueError, match="more than 1500 bytes"):
        decompress(large, way)
    with pytest.raises(ValueError, match="ends too early"):
        decompress(small[:-4], way)


def test_a_bomb_is_not_unfolded():
    bounds.install()
    bomb = zlib.compress(b"\0" * (bounds.MAX_DECOMPRESSED_BYTES + 1))

    with pytest.raises(ValueError, match="more than"):
        decompress(bomb, "zlib")
