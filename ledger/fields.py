"""The fields: what each field of a command may hold, and how it is written down."""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationError

MAX_AMOUNT = 10**12
MAX_BALANCE = 10**15
MAX_ITEMS = 500
MAX_METADATA_BYTES = 8 * 1024
MAX_HOLD_S = 30 * 24 * 60 * 60
MAX_PRIORITY = 100
DEFAULT_PRIORITY = 50
MAX_METADATA_DEPTH = 100  # far below where Python's and SQLite's JSON give up
PLATFORMS = ("shopify", "bigcommerce", "woocommerce", "magento", "squarespace", "custom")
RESERVED_REFERENCE_TYPES = frozenset({"trial", "expire", "adjust", "reverse", "retry", "activate", "import"})


class Category(StrEnum):
    """What a lot's credits are: paid for, or given."""

    PAID = "paid"
    PROMOTIONAL = "promotional"


class OnShortfall(StrEnum):
    """What a reversal does where less than it asks for is left of a lot."""

    DECLINE = "decline"
    TAKE_WHAT_IS_LEFT = "take_what_is_left"


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_DOMAIN = re.compile(r"(?=.{3,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
# RFC 3339, section 5.6; what the digits say is left to the parser.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}(:[0-9]{2}){2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z")


def refuse_unprintable(text: str) -> str:
    """Return the text; raise ValueError where it holds NUL, a control character or a lone surrogate."""
    if not text.isprintable() and _UNPRINTABLE.search(text):
        raise ValueError("must not contain NUL, control or lone surrogate characters")
    return text


def first_refused(error: ValidationError) -> tuple[str, str]:
    """The first field that a model refused, and what it says of it."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")


def is_shop_domain(text: str) -> bool:
    """Whether the text, lower-cased already, is a host name of at least two labels."""
    return _DOMAIN.match(text) is not None


def _uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a UUID of 36 characters")
    return _uuid_of(value)


def _uuid_of(text: str) -> UUID:
    if not _UUID.match(text):
        raise ValueError("must be a UUID of 36 characters")
    return UUID(text)


_merchant_id_of = lru_cache(maxsize=16_384)(_uuid_of)  # the same merchants come again and again


def _merchant_id(value: Any) -> Any:
    return _merchant_id_of(value) if isinstance(value, str) else _uuid(value)


def _lower(value: Any) -> Any:
    """Lower-cased where it is ASCII; anything else stays, to be refused: the Kelvin sign's lower case is a plain k."""
    return value.lower() if isinstance(value, str) and value.isascii() else value


def _rfc3339(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.match(value)):
        return value
    raise ValueError("must be a time with zone as RFC 3339 writes it, such as 2026-01-31T12:00:00Z")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # its zone moves it out of the years 1 to 9999
        raise ValueError("must be a time within the years 1 to 9999, UTC") from error


def _shop_domain(text: str) -> str:
    if not is_shop_domain(text):
        raise ValueError("must be a domain such as shop.example.com")
    return text


def _not_reserved(reference_type: str) -> str:
    if reference_type in RESERVED_REFERENCE_TYPES:
        raise ValueError(f"{reference_type!r} is reserved")
    return reference_type


def _storable_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    _refuse_unstorable(metadata)
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:  # NaN, infinity, an integer of thousands of digits
        raise ValueError("must hold no NaN, infinity or integer of thousands of digits") from error
    if len(text.encode()) > MAX_METADATA_BYTES:
        raise ValueError(f"must be at most {MAX_METADATA_BYTES} bytes of JSON")
    return metadata


def _refuse_unstorable(metadata: dict[str, Any]) -> None:
    """Raise ValueError for unprintable text, anything but plain JSON, or nesting too deep to be written as JSON."""
    level: list[Any] = [metadata]
    for _ in range(MAX_METADATA_DEPTH):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return
    raise ValueError(f"must be nested at most {MAX_METADATA_DEPTH} levels deep")


def _parts(value: Any) -> list[Any]:
    """What a JSON value holds, keys included, once its own text has been looked at."""
    if isinstance(value, str):
        refuse_unprintable(value)
        return []
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("must have text as keys")
        return [*value.keys(), *value.values()]
    if isinstance(value, list):
        return value
    if value is None or isinstance(value, bool | int | float):
        return []
    raise ValueError("must be plain JSON")


Uuid = Annotated[UUID, BeforeValidator(_uuid)]
MerchantId = Annotated[UUID, BeforeValidator(_merchant_id)]
# What schemas say of refuse_unprintable; no pattern speaks of lone surrogates, which no JSON text in UTF-8 holds.
_PRINTABLE = {"pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}
Text = Annotated[
    str, Field(min_length=1, max_length=255, json_schema_extra=_PRINTABLE), AfterValidator(refuse_unprintable)
]
Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Count = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
Platform = Annotated[
    Literal["shopify", "bigcommerce", "woocommerce", "magento", "squarespace", "custom"],
    BeforeValidator(_lower),
]
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ShopDomain = Annotated[
    Text,
    Field(json_schema_extra={"pattern": rf"^({_LABEL}\.)+{_LABEL}$", "minLength": 3, "maxLength": 253}),
    BeforeValidator(_lower),
    AfterValidator(_shop_domain),
]
AnyReferenceType = Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,64}$")]
ReferenceType = Annotated[
    AnyReferenceType,
    Field(json_schema_extra={"not": {"enum": sorted(RESERVED_REFERENCE_TYPES)}}),
    AfterValidator(_not_reserved),
]
Priority = Annotated[int, Field(ge=0, le=MAX_PRIORITY)]
HoldSeconds = Annotated[int, Field(ge=1, le=MAX_HOLD_S)]
# Enumerations arrive as JSON text, which strict mode would refuse.
GrantCategory = Annotated[Category, Field(strict=False)]
ShortfallRule = Annotated[OnShortfall, Field(strict=False)]
Description = Annotated[str, Field(max_length=1000, json_schema_extra=_PRINTABLE), AfterValidator(refuse_unprintable)]
Metadata = Annotated[dict[str, Any], AfterValidator(_storable_metadata)]
# Times arrive as JSON text, which strict mode would refuse.
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_rfc3339), AfterValidator(_in_utc)]
