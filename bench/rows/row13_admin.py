"""Row 13: the admin's list of transactions, and an account's page, on ten million transactions and on 10,000."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import repeat
from statistics import median
from urllib.parse import urlencode

from bench import merchants
from bench.reading import Reader, reading
from bench.results import say
from bench.row import Pair, Row, Wrong
from bench.stand import SECRET, Stand

MANY, FEW = 10_000_000, 10_000
CHUNKS, ROUNDS = 5, 10
LIST = "/admin/ledger/transaction/"
FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
ACCOUNT = re.compile(r"/admin/ledger/account/([0-9a-f-]{36})/")


def turn(stand: Stand, scale: float) -> Pair:
    """The page whose time grows most. Both servers are up, and asked in turn."""
    with staff(stand, round(MANY * scale)) as of_many, staff(stand, FEW) as of_few:
        chunks = [[side.microseconds(rounds=ROUNDS) for side in (of_many, of_few)] for _ in range(CHUNKS)]
    pairs = []
    for place, page in enumerate(("list", "account")):
        pair = Pair(*(median(chunk[side][place] for chunk in chunks) for side in (0, 1)))
        say(f"   {page}: {pair.figure:,.0f} µs against {pair.reference:,.0f} µs")
        pairs.append(pair)
    return max(pairs, key=lambda pair: pair.ratio)


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody signed in, and the pages that he opens."""

    reader: Reader
    pages: Sequence[str]

    def microseconds(self, *, rounds: int) -> list[float]:
        """See Reader.microseconds."""
        return self.reader.microseconds(list(map(repeat, self.pages)), rounds=rounds)


@contextmanager
def staff(stand: Stand, rows: int) -> Iterator[Staff]:
    """A superuser, signed in at a web server over a ledger with so many transactions, which is audited at the end."""
    with stand.database(template=stand.template_with_history(rows)) as database_url:
        environment = stand.environment(database_url=database_url, broker_url="memory://")
        new = {"DJANGO_SUPERUSER_USERNAME": "root", "DJANGO_SUPERUSER_PASSWORD": SECRET, "DJANGO_SUPERUSER_EMAIL": ""}
        stand.run("manage.py", "createsuperuser", "--noinput", environment={**environment, **new})
        with reading(stand, environment, {}) as reader:
            signed = replace(reader, headers={"Cookie": signed_in(reader)})
            yield Staff(signed, [LIST, account_page(signed)])
        stand.run("manage.py", "audit", environment=environment)


def signed_in(reader: Reader) -> str:
    """The cookies of a session."""
    page, cookies = submit(reader, "GET", "/admin/login/")
    token = FORM_TOKEN.search(page)
    if token is None:
        raise Wrong(f"no form to sign in: {page[:300]}")
    form = {"username": "root", "password": SECRET, "csrfmiddlewaretoken": token[1], "next": LIST}
    _, session = submit(reader, "POST", "/admin/login/", body=urlencode(form), cookies=cookies)
    return f"{cookies}; {session}"


def submit(reader: Reader, method: str, path: str, *, body: str = "", cookies: str = "") -> tuple[str, str]:
    """The page that is answered, and the cookies that it sets."""
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
    reader.connection.request(method, path, body=body, headers=headers)
    response = reader.connection.getresponse()
    set_cookies = [cookie.split(";")[0] for cookie in response.headers.get_all("Set-Cookie", [])]
    return response.read().decode(), "; ".join(set_cookies)


def account_page(reader: Reader) -> str:
    """The page of the account of a shop, which the list of accounts finds. Raises Wrong where it is not the shop's."""
    found = ACCOUNT.search(reader.bytes_of(f"/admin/ledger/account/?q={merchants.domain(7)}").decode())
    if found is None:
        raise Wrong("the list of accounts does not find the shop")
    path = f"/admin/ledger/account/{found[1]}/change/"
    if merchants.domain(7) not in reader.bytes_of(path).decode():
        raise Wrong(f"{path} is not the page of {merchants.domain(7)}")
    return path


row = Row(
    number="13",
    what="the admin's list of transactions and an account's page (that of both which grows more), 10,000,000 "
    "transactions of 1,000 accounts",
    against="the same with 10,000 transactions",
    unit="µs",
    turn=turn,
    at_most=1.5,
    most_turns=1,
)
