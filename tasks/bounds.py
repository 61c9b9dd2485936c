"""Bounds on what the broker's libraries make of a message, so that none of them ends the worker that takes it.

Properties that can't be read (RabbitMQ passes on any bytes) would rise out of the connection's reading, with every
worker in turn; a few bytes can be decompressed, or decoded, to megabytes, and each message of a whole window may hold
such.
"""

import base64
import bz2
import lzma
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from amqp.serialization import GenericContent
from kombu import compression, serialization

from tasks.encodings import decoded
from tasks.in_hand import MAX_DECOMPRESSED_BYTES_IN_HAND, Text

log = structlog.get_logger(__name__)

UNREADABLE = "application/x-unreadable-properties"  # accepted nowhere, so it is parked by whoever takes it
# The largest message of the contract (consume_many: 500 items with 8 KiB of metadata each) has some 5 MiB.
MAX_DECOMPRESSED_BYTES = 16 * 1024 * 1024
MAX_LZMA_MEMORY_BYTES = 80 * 1024 * 1024  # its strongest preset takes 65 MiB

Load = Callable[[Any, int, bytes, int], int]
_load: Load = GenericContent._load_properties


def install() -> None:
    """Set the bounds, in this process."""
    GenericContent._load_properties = _load_what_can_be_read
    serialization._decode = decoded
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
