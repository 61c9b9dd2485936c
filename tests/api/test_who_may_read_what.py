"""Refusals 2 to 6 and their order; and every combination of token and headers, with whose account it opens."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from tests.api.shops import CREDITS, LEFT_OUT, TRANSACTIONS, ask, refusal, token
from tests.ledger.builders import opened_account

pytestmark = pytest.mark.django_db

OWN = UUID("0a0a0a0a-0000-4000-8000-00000000000a")
TWIN = UUID("0b0b0b0b-0000-4000-8000-00000000000b")
OLDER = UUID("0c0c0c0c-0000-4000-8000-00000000000c")

# Account: its merchant, platform, domain. The balance of each tells which one was read.
ACCOUNTS = {
    "own": (OWN, "shopify", "kiosk.example.com", 1),
    "other": (uuid4(), "shopify", "other.example.com", 2),
    "twin": (TWIN, "shopify", "twin.example.com", 3),
    "twin'": (uuid4(), "magento", "twin.example.com", 4),
    "older": (OLDER, "shopify", "again.example.com", 5),
    "newer": (uuid4(), "shopify", "again.example.com", 6),
}
HEADERS = {
    "kiosk/shopify": ("shopify", "kiosk.example.com"),
    "kiosk/magento": ("magento", "kiosk.example.com"),
    "other/shopify": ("shopify", "other.example.com"),
    "twin/shopify": ("shopify", "twin.example.com"),
    "twin/magento": ("magento", "twin.example.com"),
    "twin/custom": ("custom", "twin.example.com"),
    "again/shopify": ("shopify", "again.example.com"),
    "nobody/shopify": ("shopify", "nobody.example.com"),
}
# What each token opens with each pair of headers: an account, - for 401 SHOP_DOMAIN_MISMATCH, 0 for 404.
#        subject and platform claim             kiosk/   kiosk/   other/   twin/    twin/    twin/    again/   nobody/
#                                               shopify  magento  shopify  shopify  magento  custom   shopify  shopify
TABLE = {
    ("kiosk.example.com", None):               ("own",   "0",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("KIOSK.Example.COM", None):               ("own",   "0",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("kiosk.example.com", "shopify"):          ("own",   "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("kiosk.example.com", "Shopify"):          ("own",   "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("kiosk.example.com", "magento"):          ("-",     "0",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("kiosk.example.com", "custom"):           ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("kiosk.example.com", "elsewhere"):        ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("kiosk.example.com", ""):                 ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("kiosk.example.com", ("shopify",)):       ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("kiosk.example.com", True):               ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("twin.example.com", None):                ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    ("twin.example.com", "shopify"):           ("-",     "-",     "-",     "twin",  "-",     "-",     "-",     "-"),
    ("twin.example.com", "magento"):           ("-",     "-",     "-",     "-",     "twin'", "-",     "-",     "-"),
    ("twin.example.com", "custom"):            ("-",     "-",     "-",     "-",     "-",     "0",     "-",     "-"),
    ("again.example.com", None):               ("-",     "-",     "-",     "-",     "-",     "-",     "newer", "-"),
    ("again.example.com", "shopify"):          ("-",     "-",     "-",     "-",     "-",     "-",     "newer", "-"),
    ("nobody.example.com", None):              ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "0"),
    ("nobody.example.com", "shopify"):         ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "0"),
    (str(OWN), None):                          ("own",   "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    (str(OWN).upper(), None):                  ("own",   "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    (str(OWN), "shopify"):                     ("own",   "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    (str(OWN), "magento"):                     ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    (str(TWIN), None):                         ("-",     "-",     "-",     "twin",  "-",     "-",     "-",     "-"),
    (str(TWIN), "magento"):                    ("-",     "-",     "-",     "-",     "-",     "-",     "-",     "-"),
    (str(OLDER), None):                        ("-",     "-",     "-",     "-",     "-",     "-",     "older", "-"),
    (str(UUID(int=0)), None):                  ("0",     "0",     "0",     "0",     "0",     "0",     "0",     "0"),
    (str(UUID(int=0)), "shopify"):             ("0",     "-",     "0",     "0",     "-",     "-",     "0",     "0"),
}  # fmt: skip


def open_all_accounts() -> None:
    for merchant_id, platform, domain, balance in ACCOUNTS.values():
        opened_account(merchant_id=merchant_id, platform_name=platform, shop_domain=domain, credits_bought=balance)


def opened_by(bearer: str, *, platform: str, domain: str) -> str:
    """Which account is read, or how it is refused, in the table's words."""
    response = ask(bearer=bearer, platform=platform, domain=domain)
    if response.status_code == 200:
        balance = response.json()["data"]["balance"]
        return next(name for name, account in ACCOUNTS.items() if account[-1] == balance)
    return {(401, "SHOP_DOMAIN_MISMATCH"): "-", (404, "CREDIT_ACCOUNT_NOT_FOUND"): "0"}[refusal(response)]


@pytest.mark.parametrize(("subject", "claimed"), TABLE)
def test_a_token_opens_the_account_of_its_shop_and_no_other(subject: str, claimed: object) -> None:
    open_all_accounts()
    bearer = token(subject, platform=LEFT_OUT if claimed is None else claimed)

    opened = tuple(opened_by(bearer, platform=platform, domain=domain) for platform, domain in HEADERS.values())

    assert dict(zip(HEADERS, opened, strict=True)) == dict(zip(HEADERS, TABLE[subject, claimed], strict=True))


# Spellings that somewhere, to somebody, mean kiosk.example.com or its merchant. The last k is the Kelvin sign.
SUBJECTS_THAT_ARE_NOT_THE_SHOP = [
    "kiosk.example.com.", ".kiosk.example.com", " kiosk.example.com", "kiosk.example.com ", "kiosk.example.com\n",
    "kiosk.example.com\0", "kiosk.example.com:443", "https://kiosk.example.com", "kiosk.example.com/", "kiosk",
    "user@kiosk.example.com", "*.example.com", "*", "%", "%.example.com", "_iosk.example.com", "kiosk%2Eexample.com",
    "kiosk。example.com", "ｋiosk.example.com", "kio\u017fk.example.com", "\u212aiosk.example.com",
    "kios\u212a.example.com",
    "xn--kiosk.example.com", "kiosk.example.com,other.example.com", "sub.kiosk.example.com", "example.com",
    OWN.hex, f"{{{OWN}}}", f"urn:uuid:{OWN}", f" {OWN}", f"{OWN} ", f"{OWN}.", str(OWN).replace("-", "_"),
    str(OWN).replace("0", "\u0660"), str(OWN)[:-1], f"{OWN}0", str(OWN).replace("-", ""), f"{OWN.hex}0000",
    f"0x{OWN.hex}00", f"{str(OWN)[:-1]}g",
]  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS_THAT_ARE_NOT_THE_SHOP)
@pytest.mark.parametrize("claims", [{}, {"platform": "shopify"}])
def test_a_subject_that_only_resembles_the_shop_opens_nothing(subject: str, claims: dict[str, Any]) -> None:
    open_all_accounts()

    opened = opened_by(token(subject, **claims), platform="shopify", domain="kiosk.example.com")

    assert opened == "-"


@pytest.mark.parametrize(
    "domain",
    ["other.example.com.", "other.example.com:443", "https://other.example.com", "other", "other..example.com",
     "-other.example.com", "other-.example.com", "other.example.com/x", "other.example.com,kiosk.example.com",
     "kiosk.example.com,other.example.com", "kiosk.example.com other.example.com", " kiosk.example.com",
     "öther.example.com",
     "oth_er.example.com", "*.example.com", "other.example.com\u00a0", f"{'a' * 64}.com", ".".join(["a" * 60] * 5),
     str(OWN)],
)  # fmt: skip
def test_a_domain_that_is_none_is_refused(domain: str) -> None:
    open_all_accounts()

    response = ask(bearer=token("kiosk.example.com"), platform="shopify", domain=domain)

    assert refusal(response) == (400, "INVALID_DOMAIN_FORMAT")


@pytest.mark.parametrize("platform", ["etsy", "shopify,shopify", "shopify,magento", "shopify ", "ſhopify", "null", "*"])
def test_a_platform_that_is_not_known_is_refused(platform: str) -> None:
    open_all_accounts()
    sent = platform.encode().decode("latin-1")

    response = ask(bearer=token("kiosk.example.com"), platform=sent, domain="kiosk.example.com")

    assert refusal(response) == (400, "UNSUPPORTED_PLATFORM")


def test_headers_are_read_in_any_case() -> None:
    open_all_accounts()

    opened = opened_by(token("kiosk.example.com"), platform="SHOPIFY", domain="KIOSK.example.COM")

    assert opened == "own"


@pytest.mark.parametrize("scope", ["", "bff", "bff:call ", "BFF:CALL", "bff:call admin", ["bff:call"], 5, True, {}])
def test_any_other_scope_is_refused(scope: object) -> None:
    open_all_accounts()

    response = ask(bearer=token("kiosk.example.com", scope=scope), platform="shopify", domain="kiosk.example.com")

    assert refusal(response) == (403, "INVALID_SCOPE")


def test_the_scope_that_is_asked_for_is_a_setting(settings: Settings) -> None:
    settings.REQUIRED_CLIENT_SCOPE = "credits:read"
    open_all_accounts()

    opened = opened_by(token("kiosk.example.com", scope="credits:read"), platform="shopify", domain="kiosk.example.com")

    assert opened == "own"


@dataclass(frozen=True)
class Wrongs:
    """A request with everything wrong from one step of the contract's order on; what was right before stays right."""

    code: tuple[int, str]
    claims: dict[str, Any] = field(default_factory=dict)
    platform: str | None = "shopify"
    domain: str | None = "kiosk.example.com"


BAD_SCOPE = {"scope": "another"}
OTHER_SUB = {"sub": "other.example.com", "platform": "custom"}
IN_ORDER = [
    Wrongs((401, "UNAUTHORIZED"), {**BAD_SCOPE, **OTHER_SUB, "exp": 1}, platform=None, domain=None),
    Wrongs((403, "INVALID_SCOPE"), {**BAD_SCOPE, **OTHER_SUB}, platform=None, domain=None),
    Wrongs((400, "MISSING_PLATFORM_HEADER"), OTHER_SUB, platform=None, domain=None),
    Wrongs((400, "MISSING_PLATFORM_HEADER"), OTHER_SUB, platform="", domain="no domain"),
    Wrongs((400, "MISSING_DOMAIN_HEADER"), OTHER_SUB, platform="etsy", domain=None),
    Wrongs((400, "MISSING_DOMAIN_HEADER"), OTHER_SUB, platform="etsy", domain=""),
    Wrongs((400, "UNSUPPORTED_PLATFORM"), OTHER_SUB, platform="etsy", domain="no domain"),
    Wrongs((400, "INVALID_DOMAIN_FORMAT"), OTHER_SUB, domain="no domain"),
    Wrongs((401, "SHOP_DOMAIN_MISMATCH"), OTHER_SUB, domain="nobody.example.com"),
    Wrongs((401, "SHOP_DOMAIN_MISMATCH"), {"sub": str(UUID(int=0)), "platform": "custom"}),
    Wrongs((404, "CREDIT_ACCOUNT_NOT_FOUND"), {"sub": str(UUID(int=0))}, domain="nobody.example.com"),
    Wrongs((404, "CREDIT_ACCOUNT_NOT_FOUND"), {"sub": "nobody.example.com"}, domain="nobody.example.com"),
    Wrongs((401, "SHOP_DOMAIN_MISMATCH"), {"sub": str(OWN)}, domain="nobody.example.com"),
    Wrongs((422, "VALIDATION_ERROR")),
]


@pytest.mark.parametrize("wrongs", IN_ORDER)
def test_of_several_wrongs_the_first_in_order_is_told(wrongs: Wrongs) -> None:
    open_all_accounts()
    bearer = token(**{"sub": "kiosk.example.com", **wrongs.claims})

    response = ask(f"{TRANSACTIONS}?limit=0", bearer=bearer, platform=wrongs.platform, domain=wrongs.domain)

    assert refusal(response) == wrongs.code


def test_both_operations_keep_the_same_door() -> None:
    open_all_accounts()
    sent = {"bearer": token("other.example.com"), "platform": "shopify", "domain": "kiosk.example.com"}

    refused = [refusal(ask(path, **sent)) for path in (CREDITS, TRANSACTIONS)]

    assert refused == [(401, "SHOP_DOMAIN_MISMATCH")] * 2
