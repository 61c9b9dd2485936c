"""Bounds on what the broker's libraries make of a message, so that none of them ends the worker that takes it.

Properties that can't be read (RabbitMQ passes on any bytes) would rise out of the connection's reading, with every
worker in turn; a few bytes can be decompressed, or decoded, to megabytes, and each message of a whole window may hold
such.
"""

import base64
import bz2
import codecs
import gc
import lzma
import time
import zlib
from collections.abc import Callable
from encodings.aliases import aliases
from functools import partial
from threading import RLock
from typing import Any

import structlog
from amqp.serialization import GenericContent
from kombu import compression, serialization
from kombu.message import Message

log = structlog.get_logger(__name__)

UNREADABLE = "application/x-unreadable-properties"  # accepted nowhere, so it is parked by whoever takes it
# The largest message of the contract (consume_many: 500 items with 8 KiB of metadata each) has some 5 MiB.
MAX_DECOMPRESSED_BYTES = 16 * 1024 * 1024
# kombu decompresses as a message arrives and holds the text until its ack, for up to 8,000 messages a queue.
MAX_DECOMPRESSED_BYTES_IN_HAND = 128 * 1024 * 1024

# Of bodies of any kind. A worker with more in hand reads RabbitMQ slowly (tasks/gathering.py), and Redis not at all.
ENOUGH_BYTES = MAX_DECOMPRESSED_BYTES_IN_HAND // 2
COLLECT_AFTER_S, COLLECT_AT_LATEST_S = 1.0, 10.0  # twice as late each time that it was for nothing
MAX_LZMA_MEMORY_BYTES = 80 * 1024 * 1024  # its strongest preset takes 65 MiB

# A body's content_encoding is any code that Python knows: bz2_codec makes 200 MB of 178 bytes, punycode takes minutes.
# Of a code that it does not know Python keeps the name for ever, so it is asked for none but these.
CODES_FOR_TEXT = frozenset(
    {
        "utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be", "ascii", "latin_1",
        *(f"iso8859_{part}" for part in range(1, 17) if part != 12), *(f"cp125{page}" for page in range(9)),
        "koi8_r", "koi8_u", "gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr",
    }
)  # fmt: skip
THEIR_NAMES = CODES_FOR_TEXT | {alias for alias, code in aliases.items() if code in CODES_FOR_TEXT}

_collect_at, _collect_after_s = 0.0, COLLECT_AFTER_S

Load = Callable[[Any, int, bytes, int], int]
_load: Load = GenericContent._load_properties


def install() -> None:
    """Set the bounds, in this process."""
    GenericContent._load_properties = _load_what_can_be_read
    serialization._decode = _decoded
    for names, decompressor in (
        (("application/x-gzip", "gzip", "zlib"), zlib.decompressobj),
        (("application/x-bz2", "bzip2", "bzip"), bz2.BZ2Decompressor),
        (("application/x-lzma", "lzma", "xz"), partial(lzma.LZMADecompressor, memlimit=MAX_LZMA_MEMORY_BYTES)),
    ):
        encoder, content_type = compression.get_encoder(names[0])
        compression.register(encoder, _bounded(decompressor), content_type, aliases=list(names[1:]))


def _load_what_can_be_read(content: Any, class_id: int, buffer: bytes, offset: int) -> int:
    """amqp's own, but for properties that it can't read: those are kept as bytes, and nothing is made of them."""
    try:
        return _load(content, class_id, buffer, offset)
    except Exception as error:  # RecursionError among them
        log.warning("a message's properties can't be read", error=repr(error)[:200])
        content.properties = {
            "content_type": UNREADABLE,
            "application_headers": {},
            "unreadable": base64.b64encode(bytes(buffer[offset:])).decode(),
        }
        return len(buffer)


def is_for_text(encoding: Any) -> bool:
    """Whether this is the name of a code for text that is read in one go, and makes little more of it."""
    return isinstance(encoding, str) and encoding.lower().replace("-", "_").replace(" ", "_") in THEIR_NAMES


def payload_of(message: Message) -> Any:
    """A message's body, read. Raises whatever kombu raises, and LookupError of a code that is none for text.

    kombu itself reads JSON's bytes as UTF-8, whatever they are said to be.
    """
    body, encoding = message.body, message.content_encoding
    is_said = isinstance(body, bytes) and encoding and encoding not in serialization.SKIP_DECODE
    try:
        text = _decoded(body, encoding) if is_said else body
        return serialization.loads(text, message.content_type, encoding, accept=message.accept)
    except Exception as error:
        raise error.with_traceback(None) from None  # kombu's holds itself, and with it the message


def _decoded(body: bytes, encoding: Any) -> str:
    if not is_for_text(encoding):
        raise LookupError(f"no code for text: {encoding!r:.50}")
    return codecs.decode(body, encoding)


class Counted:
    """Bytes of one kind, counted for as long as anybody holds this."""

    in_hand = 0  # of this kind, in this process
    _counting = RLock()  # one that its own thread may take again: one may go while another comes

    def __init__(self, size: int) -> None:
        self.size = size
        self._count(size)

    def __del__(self) -> None:
        self._count(-self.size)

    @classmethod
    def _count(cls, size: int) -> None:
        with cls._counting:
            cls.in_hand += size


class Body(Counted):
    """The body of a message that has arrived."""


def are_enough() -> bool:
    """Whether bodies of more than ENOUGH_BYTES are in hand; what an error holds, and that the error, is in nobody's."""
    global _collect_at, _collect_after_s
    before = Body.in_hand
    if before > ENOUGH_BYTES and time.monotonic() > _collect_at:
        gc.collect()
        _collect_after_s = COLLECT_AFTER_S if Body.in_hand < before else min(2 * _collect_after_s, COLLECT_AT_LATEST_S)
        _collect_at = time.monotonic() + _collect_after_s
    return Body.in_hand > ENOUGH_BYTES


class Text(Counted, bytes):
    """What a body was decompressed to."""

    def __init__(self, text: bytes) -> None:
        super().__init__(len(text))


def _bounded(decompressor: Callable[[], Any]) -> Callable[[bytes], bytes]:
    """Decompress within the bounds. Raises ValueError for more, and for what ends too early: kombu leaves it as it is.

    kombu keeps the error with its traceback beside the message, so nothing large may stand in this frame then.
    """

    def decompress(body: bytes) -> bytes:
        bound = min(MAX_DECOMPRESSED_BYTES, MAX_DECOMPRESSED_BYTES_IN_HAND - Text.in_hand)
        if bound <= 0:
            raise ValueError(f"{MAX_DECOMPRESSED_BYTES_IN_HAND} bytes of compressed messages are in hand already")
        stream = decompressor()
        try:
            text: bytes = stream.decompress(body, bound)
            is_whole = stream.eof
        finally:
            del stream
        if not is_whole:
            del text
            raise ValueError(f"ends too early, or is more than {bound} bytes")
        return Text(text)

    return decompress
