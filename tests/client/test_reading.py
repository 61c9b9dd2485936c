"""Reading with the package: every read against the service as gunicorn serves it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from credits_client.reading import NoAnswer, ReadRefused, ServiceReader, ShopReader, service_token, shop_token
from django.conf import settings

from ledger.journal import post
from ledger.models import Account
from tests.fixtures.served import INTERNAL_SECRET, ServeAt
from tests.ledger.builders import consume, consume_match, grant, hold, opened_account, requests
from tests.servers.ports import free_ports

pytestmark = pytest.mark.slow


@pytest.fixture
def address(serve_at: ServeAt, own_database: str) -> str:
    return f"http://127.0.0.1:{serve_at(own_database)}"


@pytest.fixture
def service(address: str) -> Iterator[ServiceReader]:
    with ServiceReader(address, token=service_token("checkout", secret=INTERNAL_SECRET)) as reader:
        yield reader


def shop_reader(address: str, account: Account, **token: str) -> ShopReader:
    secret = token.get("secret", settings.CLIENT_JWT_SECRETS[0])
    return ShopReader(
        address,
        platform_name=account.platform_name,
        shop_domain=account.shop_domain,
        token=shop_token(account.shop_domain, secret=secret),
    )


def test_a_service_reads_one_account_many_and_whether_an_amount_is_there(service: ServiceReader) -> None:
    rich, poor, nobody = opened_account(credits_bought=100), opened_account(), uuid4()

    one, none = service.account(rich.merchant_id), service.account(nobody)
    many = service.accounts([rich.merchant_id, nobody, poor.merchant_id, *(uuid4() for _ in range(600))])

    assert one is not None
    assert (one.balance, one.available, one.frozen, one.sufficient) == (100, 100, False, None)
    assert none is None
    assert len(many) == 603
    assert [account and account.balance for account in list(many.values())[:3]] == [100, None, 0]
    asked = [(rich.merchant_id, 100), (rich.merchant_id, 101), (poor.merchant_id, 1), (nobody, 1)]
    assert [service.is_sufficient(*pair) for pair in asked] == [True, False, False, False]


def test_a_service_asks_what_became_of_a_reference(service: ServiceReader) -> None:
    account = opened_account(credits_bought=1)
    ours = {"merchant_id": account.merchant_id}
    posted, declined, waiting = consume_match(**ours), consume(**ours, amount=5), consume_match()
    post(requests(posted, declined, waiting))

    became = [
        service.what_became_of("match", posted.match_id),
        service.what_became_of(declined.reference_type, declined.reference_id),
        service.what_became_of("match", waiting.match_id),
        service.what_became_of("match", "never sent / ?&#"),
    ]

    assert [one.status for one in became] == ["posted", "declined", "waiting", "unknown"]
    assert became[0].transaction is not None
    assert became[0].transaction.balance == 0
    assert became[1].transaction is not None
    assert became[1].transaction.reason == "insufficient_credits"
    assert became[2].waiting[0].waits_for == "account"


def test_a_shop_reads_its_credits_its_history_its_lots_and_its_holds(address: str) -> None:
    account = opened_account(credits_bought=2000)
    ours = {"merchant_id": account.merchant_id}
    before = datetime.now(UTC)
    post(requests(grant(**ours, amount=5, expires_at=before + timedelta(days=1)), hold(**ours, amount=7)))
    post(requests(*(consume(**ours, amount=1) for _ in range(1010))))

    with shop_reader(address, account) as shop:
        credits = shop.credits()
        history = list(shop.transactions())
        debits = list(shop.transactions(operation="debit", limit=400))
        lots, closed, holds = list(shop.lots()), list(shop.lots(status="closed")), list(shop.holds())
        balance_before = shop.balance_at(before)

    assert (credits.balance, credits.available, credits.held) == (995, 988, 7)
    assert [row.amount for row in history] == [1] * 1010 + [5, 2000]
    assert len(debits) == 1010
    assert balance_before == 2000
    assert sum(lot.remaining for lot in lots) == credits.balance
    assert (len(closed), [held.amount for held in holds]) == (0, [7])


def test_a_refusal_says_its_code(address: str) -> None:
    account = opened_account()

    with (
        shop_reader(address, account, secret="another-secret-of-more-than-32-characters") as shop,
        pytest.raises(ReadRefused, match="401 UNAUTHORIZED") as refused,
    ):
        shop.credits()

    assert (refused.value.status, refused.value.code) == (401, "UNAUTHORIZED")


def test_a_refused_parameter_is_named(service: ServiceReader) -> None:
    with pytest.raises(ReadRefused) as refused:
        service.what_became_of("NOT A TYPE", "x")

    assert refused.value.code == "VALIDATION_ERROR"
    assert refused.value.details["validation_errors"][0]["field"] == "reference_type"


def test_no_answer_is_an_error_of_its_own() -> None:
    (nobodys,) = free_ports(1)
    token = service_token("checkout", secret=INTERNAL_SECRET)

    with (
        ServiceReader(f"http://127.0.0.1:{nobodys}", token=token, attempts=2) as reader,
        pytest.raises(NoAnswer, match=r"GET /api/internal/credits/.*: ConnectionError"),
    ):
        reader.account(uuid4())
