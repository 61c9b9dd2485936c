"""Bombs: a few bytes that decompress to megabytes, and a whole window of such."""

import bz2
import codecs
import encodings
import json
import resource
import subprocess
import sys
from uuid import uuid4

import pytest
from amqp import Message as AmqpMessage
from kombu.compression import compress, decompress
from kombu.message import Message as BrokerMessage

from creditsvc.environment import BASE_DIR
from tasks import bounds
from tasks.consuming import Channel
from tasks.deliveries import whole
from tasks.encodings import THEIR_NAMES, is_for_text
from tasks.errors import Refusal
from tasks.in_hand import Text
from tasks.strategy import Envelope

MIB = 1024 * 1024
BOMBS = 200
MOST_MIB = 500  # what a process may grow by

WINDOW = """
import django
from creditsvc import celery
django.setup()
from tests.tasks.test_bombs import grown_by_a_window
print(grown_by_a_window())
"""


def message(body: bytes) -> BrokerMessage:
    return BrokerMessage(
        body=body,
        headers={"task": "credits.consume", "id": "id-1", "compression": "application/x-bz2"},
        content_type="application/json",
        content_encoding="utf-8",
        delivery_info={"exchange": "", "routing_key": "credits.consume"},
        accept={"application/json"},
    )


def grown_by_a_window() -> int:
    """The MiB that a process grows by as it takes a window of bombs, each just within or just beyond its own bound."""
    within, beyond = (bz2.compress(b" " * (bounds.MAX_DECOMPRESSED_BYTES + more)) for more in (-1, 1))
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    window = [message(within if number % 2 else beyond) for number in range(BOMBS)]
    refused = [each for each in window if each.errors]

    assert len(refused) >= BOMBS - bounds.MAX_DECOMPRESSED_BYTES_IN_HAND // bounds.MAX_DECOMPRESSED_BYTES - 1
    for each in refused:
        stored = whole(each)
        assert (stored.body, stored.headers["compression"]) in (
            (within, "application/x-bz2"),
            (beyond, "application/x-bz2"),
        )
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) // 1024


@pytest.mark.slow
def test_a_window_of_bombs_is_parked_as_it_came_within_little_memory():
    run = subprocess.run([sys.executable, "-c", WINDOW], cwd=BASE_DIR, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[-1]) < MOST_MIB


def test_what_is_decompressed_counts_for_as_long_as_it_is_held(monkeypatch):
    bounds.install()
    body, _ = compress(json.dumps("x" * 1000).encode(), "gzip")
    monkeypatch.setattr(bounds, "MAX_DECOMPRESSED_BYTES_IN_HAND", Text.in_hand + 1500)

    held = decompress(body, "gzip")
    with pytest.raises(ValueError, match="is more than"):
        decompress(body, "gzip")
    del held

    assert decompress(body, "gzip") == json.dumps("x" * 1000).encode()


def test_beyond_what_may_be_in_hand_nothing_is_decompressed(monkeypatch):
    bounds.install()
    monkeypatch.setattr(bounds, "MAX_DECOMPRESSED_BYTES_IN_HAND", Text.in_hand)

    with pytest.raises(ValueError, match="in hand already"):
        decompress(compress(b"x", "gzip")[0], "gzip")


def test_the_largest_message_of_the_contract_is_taken_compressed():
    bounds.install()
    item = {"metadata": {"a": "x" * 8180}, "description": "d" * 1000, "reference_id": "r" * 255}
    taken = message(bz2.compress(json.dumps([[], {"items": [item] * 500}, {}]).encode()))

    try:
        Envelope(taken, "credits.consume_many", stores_results=False).read()
    except Refusal as refusal:
        pytest.fail(f"refused: {refusal.detail}")

    assert 4 * MIB < len(taken.body) < bounds.MAX_DECOMPRESSED_BYTES / 2


NO_CODES_FOR_TEXT = ("bz2_codec", "zlib_codec", "punycode", "idna", "hex", "rot13", "unicode_escape", "no such code")


@pytest.mark.parametrize("encoding", [*NO_CODES_FOR_TEXT, ""])
@pytest.mark.parametrize("content_type", ["application/data", "application/text", None])
def test_no_body_is_decoded_by_a_code_that_is_none_for_text(encoding: str, content_type: str | None) -> None:
    taken = BrokerMessage(
        body=bz2.compress(b"0" * MIB),
        headers={"task": "credits.consume", "id": "id-1"},
        content_type=content_type,
        content_encoding=encoding,
        delivery_info={"exchange": "", "routing_key": "credits.consume"},
        accept={"application/json"},
    )

    with pytest.raises(Refusal, match="not_json") as refused:
        Envelope(taken, "credits.consume", stores_results=False).read()

    assert "0000" not in str(refused.value)


@pytest.mark.parametrize(
    "encoding", [*NO_CODES_FOR_TEXT, "utf-7", "mbcs", None, 7, ["utf-8"], "\0", "utf-8\0", "utfé8"]
)
def test_a_code_that_is_none_for_text_is_none(encoding: object) -> None:
    assert not is_for_text(encoding)


def test_each_code_for_text_is_one_that_python_knows() -> None:
    for encoding in THEIR_NAMES:
        assert codecs.lookup(encoding)


def test_python_is_asked_for_no_code_that_it_does_not_know_for_it_keeps_the_name() -> None:
    kept = set(encodings._cache)  # type: ignore[attr-defined]  # there is no other way to see it

    found = [is_for_text(f"a name of no code {number}") for number in range(10)]

    assert not any(found)
    assert set(encodings._cache) == kept  # type: ignore[attr-defined]


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "us-ascii", "latin-1", "ISO-8859-1", "utf-16", "cp1252"])
def test_a_code_for_text_is_one(encoding: str) -> None:
    assert is_for_text(encoding)


def test_the_channel_decodes_no_body_by_a_code_that_is_none_for_text() -> None:
    channel = Channel.__new__(Channel)
    channel.is_closing, channel._callbacks, channel._pending = False, {}, {}
    body = b"a" * 100 + b"-" + b"a" * 200
    bodies = []
    for encoding in ("punycode", "latin-1"):
        content = AmqpMessage(body, content_encoding=encoding)
        channel.dispatch_method((60, 60), b"", content)
        bodies.append(content.body)

    assert bodies == [body, body.decode("latin-1")]


@pytest.mark.parametrize(
    ("encoding", "reference", "is_read"),
    [
        ("gbk", "漏", True),
        ("latin-1", "Ã©", True),
        ("utf-16", "a", True),
        ("koi8-r", "заказ", True),
        ("cp1250", "ř", True),
        ("utf-7", "é-1", False),
        ("hz", "中", False),
    ],
)
@pytest.mark.parametrize("is_decoded", [True, False], ids=["by the channel", "bytes"])
def test_json_is_read_by_the_code_that_it_is_said_to_be_in_or_refused(
    encoding: str, reference: str, is_read: bool, is_decoded: bool
) -> None:
    """RabbitMQ's channel decodes a body; Redis, the embedded broker and what decompresses one don't."""
    channel = Channel.__new__(Channel)
    channel.is_closing, channel._callbacks, channel._pending = False, {}, {}
    fields = {"merchant_id": str(uuid4()), "credits": 5, "purchase_id": reference}
    content = AmqpMessage(json.dumps([[], fields, {}], ensure_ascii=False).encode(encoding), content_encoding=encoding)
    if is_decoded:
        channel.dispatch_method((60, 60), b"", content)
    taken = BrokerMessage(
        body=content.body,
        headers={"task": "credits.purchase", "id": "id-1"},
        content_type="application/json",
        content_encoding=encoding,
        delivery_info={"exchange": "", "routing_key": "credits.grants"},
        accept={"application/json"},
    )
    envelope = Envelope(taken, "credits.purchase", stores_results=False)

    if is_read:
        delivery = envelope.read()
        assert delivery is not None
        assert [request.command.purchase_id for request in delivery.requests] == [reference]
    else:
        with pytest.raises(Refusal, match="no code for text"):
            envelope.read()
