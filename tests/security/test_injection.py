"""Injection: whatever stands in a text stays that text, in the database, in answers, in files, on pages and in logs."""

import csv
import json
import re
import signal
from io import StringIO
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from kombu import Connection

from ledger.models import Account, Transaction
from tests.api.shops import TRANSACTIONS, ask, ask_for, token
from tests.creditsvc.procfile import commands
from tests.fixtures.processes import RunProcess
from tests.ledger.audited import assert_books_are_right
from tests.processes import service_environment
from tests.security.hostile import RUNS, TEXTS, hostile_books

STATEMENT = "/api/credits/statement"
ADDRESSES = (
    f"{TRANSACTIONS}?page={{}}", f"{TRANSACTIONS}?limit={{}}", f"{TRANSACTIONS}?cursor={{}}",
    f"{TRANSACTIONS}?operation={{}}", f"{TRANSACTIONS}?kind={{}}", f"{TRANSACTIONS}?reference_type={{}}",
    f"{TRANSACTIONS}?from={{}}", f"{TRANSACTIONS}/{{}}", "/api/credits/balance?at={}",
    "/api/credits/usage?from={}&to={}",
    "/api/credits/usage?from=2026-01-01&to=2026-01-02&per={}", "/api/credits/usage?from=2026-01-01&to=2026-01-02&tz={}",
    f"{STATEMENT}.csv?from={{}}&to={{}}", f"{STATEMENT}.jsonl?from={{}}", "/api/{}", "/api/credits/lots?status={}",
    "/api/credits/holds?status={}",
)  # fmt: skip


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(
        User.objects.create_superuser("root", password=None), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_comes_back_as_it_was_sent_and_the_books_are_right(text: str) -> None:
    account = hostile_books(text)

    rows = ask_for(account, f"{TRANSACTIONS}?limit=100").json()["data"]

    (said,) = (row for row in rows if row["reference_id"] == f"{text}4")
    assert (said["description"], said["metadata"]) == (f"{text} said", {text: {text: [text]}})
    assert Transaction.objects.filter(correlation_id=text, producer=text).count() >= 6
    assert_books_are_right()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", [*TEXTS, "\r\nSet-Cookie: a=b", "\x00", "\x1b[31m", "' OR '1'='1", "9" * 400, "é" * 300]
)
def test_a_hostile_parameter_is_an_ordinary_refusal(text: str) -> None:
    account = hostile_books("plain")

    for address in ADDRESSES:
        answer = ask_for(account, address.replace("{}", quote(text, safe="")))

        assert answer.status_code in (200, 404, 422), address
        assert answer.status_code == 200 or answer["Content-Type"].startswith("application/json")
        assert not {"Set-Cookie"} & set(answer.headers)
    assert Account.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*TEXTS, "a\r\nSet-Cookie: b=c", "\x00", "x" * 10_000])
@pytest.mark.parametrize(
    "header", ["X_Correlation_ID", "X_Shop_Platform", "X_Shop_Domain", "Authorization", "X_Request_ID"]
)
def test_a_hostile_header_is_an_ordinary_refusal_and_is_not_given_back(header: str, text: str) -> None:
    account = hostile_books("plain")
    sent = {
        "Authorization": f"Bearer {token(account.shop_domain)}",
        "X_Shop_Platform": account.platform_name,
        "X_Shop_Domain": account.shop_domain,
        header: text.encode("utf-8", errors="surrogatepass").decode("latin-1"),
    }

    answer = ask(**sent)  # type: ignore[arg-type]

    assert answer.status_code in (200, 400, 401)
    assert answer["Content-Type"].startswith("application/json")
    assert all(sign.isprintable() and sign.isascii() for sign in answer["X-Correlation-ID"])
    assert "Set-Cookie" not in answer.headers


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "＠SUM(A1)", "＋1", "－1", "=cmd|' /C calc'!A0"]
)
def test_no_cell_of_a_statement_is_a_formula(text: str) -> None:
    account = hostile_books(text)

    answer = ask_for(account, f"{STATEMENT}.csv")

    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    cells = [cell for row in csv.reader(StringIO(content, newline="")) for cell in row]
    assert any(cell.startswith(f"'{text}") for cell in cells)
    assert [cell for cell in cells if re.match(r"[=+@\t\r\n＝＋－＠]|-(?!\d+$)", cell)] == []


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS)
def test_no_page_of_the_admin_holds_a_hostile_text_as_markup(staff: Client, text: str) -> None:
    hostile_books(text)
    addresses = [*pages(), *searches(text), f"{reverse('story_search')}?{urlencode({'correlation_id': text})}"]

    for address in addresses:
        answer = staff.get(address, follow=True)

        page = answer.content.decode()
        assert answer.status_code == 200, address
        for markup in (
            "<script>window",
            "<img src=x",
            "<svg onload",
            "<b x-data",
            'href="javascript:',
            'x-init="window',
        ):
            assert markup not in page, address
    assert Account.objects.count() == 1


def tables() -> list[Any]:
    """The ledger's tables that staff have pages of."""
    admin.autodiscover()
    found = [model for model in admin.site._registry if model._meta.app_label == "ledger"]
    assert {"account", "transaction", "parkedmessage"} <= {model._meta.model_name for model in found}
    return found


def pages() -> list[str]:
    """Every list and every row of the ledger's tables."""
    found = ["/admin/"]
    for model in tables():
        name = f"admin:ledger_{model._meta.model_name}"
        found.append(reverse(f"{name}_changelist"))
        found += [reverse(f"{name}_change", args=[row.pk]) for row in model._default_manager.all()]
    return found


def searches(text: str) -> list[str]:
    """Every list, searched and filtered by the text."""
    lists = [reverse(f"admin:ledger_{model._meta.model_name}_changelist") for model in tables()]
    queries = (
        {"q": text},
        {"state": text},
        {"status": text},
        {"reason": text},
        {"after": text},
        {"before": text},
        {"p": text},
    )
    return [f"{address}?{urlencode(query)}" for address in lists for query in queries]


FORGED = "2026-01-01T00:00:00.000000Z [info     ] request posted [credits] amount=1000000"
CELERYS_OWN = "worker: Warm shutdown (MainProcess)"  # said in the midst of a signal, past all logging
STEERS = f"a\n{FORGED}\r\x1b[2J\x1b]0;pwned\x07\x9b31m\u2028\u202e<script>"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_hostile_message_neither_forges_a_log_line_nor_steers_a_terminal(
    form: str, own_database: str, embedded_broker_url: str, run_process: RunProcess, tmp_path: Any
) -> None:
    environment = service_environment(
        database_url=own_database,
        broker_url=embedded_broker_url,
        logging_format=form,
        logging_level="DEBUG",
        var_dir=str(tmp_path / "var"),
    )
    assert run_process("manage.py", "declare_topology", environment=environment).wait() == 0
    worker = run_process(*commands()["grants"], environment=environment)
    worker.wait_for_log(r"ready\.")

    for name, body, more in (
        (STEERS, "[]", {}),
        ("credits.purchase", STEERS, {}),
        ("credits.purchase", json.dumps([[STEERS], {STEERS: STEERS}, {}]), {"correlation_id": STEERS}),
        ("credits.purchase", json.dumps([[], {"merchant_id": STEERS}, {}]), {"id": STEERS, "root_id": STEERS}),
        ("credits.purchase", json.dumps([[], {}, {}]), {"eta": STEERS, "lang": STEERS, "origin": STEERS}),
        ("credits.purchase", json.dumps([[], {}, {"callbacks": [STEERS]}]), {"shadow": STEERS, "group": STEERS}),
        (
            "credits.purchase",
            json.dumps([[], {}, {}]),
            {"traceparent": STEERS, "argsrepr": STEERS, "kwargsrepr": STEERS},
        ),
    ):
        with Connection(embedded_broker_url) as connection:
            connection.Producer(auto_declare=False).publish(
                body,
                exchange="",
                routing_key="credits.grants",
                headers={"lang": "py", "task": name, "id": "of-a-test", "root_id": None, **more},
                content_type="application/json",
                content_encoding="utf-8",
            )
    worker.wait_for_log(r"(?s)(message parked.*){5}")
    worker.signal(signal.SIGTERM)
    worker.wait()

    log = worker.log_file.read_bytes().decode()  # as it is: a text file's reading would change \r
    lines = log.removesuffix("\n").split("\n")
    if form == "json":
        assert all(isinstance(json.loads(line), dict) for line in lines)
        assert log.replace("\n", "").isascii()
    else:
        assert not any(line.startswith("2026-01-01T00:00:00") for line in lines)
        own = [line for line in lines if line and line != CELERYS_OWN]
        assert [line for line in own if not re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[|    ", line)] == []
    assert [sign for sign in set(log) - {"\n"} if not sign.isprintable()] == []


def test_the_texts_would_run_if_anything_let_them() -> None:
    assert "<script>" in RUNS
    assert 'x-init="' in RUNS
