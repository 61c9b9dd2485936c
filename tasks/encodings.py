"""The codes that a body's text may be written in, and reading what it holds by the code that it is said to be in."""

import codecs
from encodings.aliases import aliases
from typing import Any

from kombu import serialization
from kombu.message import Message

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
        text = decoded(body, encoding) if is_said else body
        return serialization.loads(text, message.content_type, encoding, accept=message.accept)
    except Exception as error:
        raise error.with_traceback(None) from None  # kombu's holds itself, and with it the message


def decoded(body: bytes, encoding: Any) -> str:
    """A body's text. Raises LookupError of a code that is none for text, and UnicodeDecodeError."""
    if not is_for_text(encoding):
        raise LookupError(f"no code for text: {encoding!r:.50}")
    return codecs.decode(body, encoding)
