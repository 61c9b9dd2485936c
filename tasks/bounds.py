"""Bounds on what the broker's libraries make of a message, so that none of them ends the worker that takes it.

Properties that can't be read (RabbitMQ passes on any bytes) would rise out of the connection's reading, with every
worker in turn; a few kilobytes can be decompressed to more than there is memory.
"""

import base64
import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any

import structlog
from amqp.serialization import GenericContent
from kombu import compression

log = structlog.get_logger(__name__)

UNREADABLE = "application/x-unreadable-properties"  # accepted nowhere, so it is parked by whoever takes it
MAX_DECOMPRESSED_BYTES = 64 * 1024 * 1024

Load = Callable[[Any, int, bytes, int], int]
_load: Load = GenericContent._load_properties


def install() -> None:
    """Set the bounds, in this process."""
    GenericContent._load_properties = _load_what_can_be_read
    for aliases, decompressor in (
        (("application/x-gzip", "gzip", "zlib"), zlib.decompressobj),
        (("application/x-bz2", "bzip2", "bzip"), bz2.BZ2Decompressor),
        (("application/x-lzma", "lzma", "xz"), lzma.LZMADecompressor),
    ):
        encoder, content_type = compression.get_encoder(aliases[0])
        compression.register(encoder, _bounded(decompressor), content_type, aliases=list(aliases[1:]))


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
    """Decompress up to MAX_DECOMPRESSED_BYTES. Raises ValueError for more, and for what ends too early."""

    def decompress(body: bytes) -> bytes:
        stream = decompressor()
        text: bytes = stream.decompress(body, MAX_DECOMPRESSED_BYTES)
        if not stream.eof:
            raise ValueError(f"ends too early, or is more than {MAX_DECOMPRESSED_BYTES} bytes")
        return text

    return decompress
