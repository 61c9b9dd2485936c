"""The notifiers at the edge of the network: what an answer means, and an end to all waiting."""

import hmac
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest

from ledger.journal.parking import ToPark, park
from ledger.messages import REPLAY_OF
from ledger.models import ParkedAct, ParkedMessage, ReplayOutcome, WaitingCommand
from ledger.outcomes import ParkReason
from ledger.parking import replay
from tasks.notifiers import call_webhook, notify_by_email, notify_by_webhook, send_email
from tests.admin.books import task_message
from tests.e2e.webhook import SECRET, listening_webhook

LONGEST_WAIT_S = 60
ENVELOPE: dict[str, Any] = {
    "event_id": str(uuid4()),
    "event_type": "evt.credits.low_balance.v1",
    "correlation_id": "corr_0123456789ab",
    "data": {"merchant_id": str(uuid4()), "balance": 50, "threshold": 100, "platform_name": "shopify"},
}


@contextmanager
def answering(status: int) -> Iterator[tuple[str, list[str]]]:
    """A web server that answers a POST by a status and leads to a page that is fine; its URL, the requests so far."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(status)

        def do_GET(self) -> None:
            self._answer(200)

        def _answer(self, code: int) -> None:
            requests.append(f"{self.command} {self.path}")
            self.send_response(code)
            self.send_header("Location", "/fine")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: what came is looked at by the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", requests
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def silent_mail_server(settings: Any) -> Iterator[None]:
    """A mail server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = listening.getsockname()
        settings.NOTIFY_EMAILS = ("ops@example.com",)
        yield


def call(settings: Any, url: str) -> list[str]:
    """Carry the webhook's notifier out once; the tasks that are to be tried again later."""
    settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = url, "s" * 40
    notify_by_webhook.apply(kwargs={"envelope": ENVELOPE})
    return list(WaitingCommand.objects.values_list("task", flat=True))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_webhook_that_leads_elsewhere_has_failed_and_is_not_followed(
    own_database: str, settings: Any, status: int
) -> None:
    with answering(status) as (url, requests):
        again = call(settings, url)

    assert again == ["credits.notify_by_webhook"]
    assert requests == ["POST /hook"]


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_webhook_that_answers_by_2xx_has_been_told(own_database: str, settings: Any, status: int) -> None:
    with answering(status) as (url, requests):
        again = call(settings, url)

    assert (again, requests) == ([], ["POST /hook"])


@pytest.mark.parametrize("status", [400, 410, 500, 503])
def test_a_webhook_that_answers_by_an_error_is_called_again_later(
    own_database: str, settings: Any, status: int
) -> None:
    with answering(status) as (url, _):
        again = call(settings, url)

    assert again == ["credits.notify_by_webhook"]


def test_a_webhook_is_signed_with_the_secret_over_time_and_body(settings: Any) -> None:
    with listening_webhook() as webhook:
        settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = webhook.url, SECRET

        call_webhook(ENVELOPE)

    ((headers, body),) = webhook.calls(ENVELOPE["data"]["merchant_id"])
    signed = f"{headers['X-Credits-Timestamp']}.".encode() + body
    assert headers["X-Credits-Signature"] == f"sha256={hmac.new(SECRET.encode(), signed, sha256).hexdigest()}"
    assert abs(time.time() - int(headers["X-Credits-Timestamp"])) < LONGEST_WAIT_S


@pytest.mark.parametrize(("attempts_before", "parked"), [(3, []), (4, ["notifier_failed"])])
def test_after_five_attempts_a_notifier_is_parked(
    own_database: str, settings: Any, attempts_before: int, parked: list[str]
) -> None:
    with answering(500) as (settings.NOTIFY_WEBHOOK_URL, _):
        settings.NOTIFY_WEBHOOK_SECRET = SECRET
        notify_by_webhook.apply(kwargs={"envelope": ENVELOPE}, retries=attempts_before)

    assert list(ParkedMessage.objects.values_list("reason", flat=True)) == parked
    assert WaitingCommand.objects.count() == (0 if parked else 1)


@pytest.mark.parametrize(("attempts_before", "seconds"), [(0, 10), (1, 40), (2, 160), (3, 640)])
def test_a_notifier_is_tried_again_after_a_pause_four_times_as_long_each_time(
    own_database: str, settings: Any, attempts_before: int, seconds: int
) -> None:
    before = datetime.now(UTC)
    with answering(500) as (settings.NOTIFY_WEBHOOK_URL, _):
        settings.NOTIFY_WEBHOOK_SECRET = SECRET
        notify_by_webhook.apply(kwargs={"envelope": ENVELOPE}, retries=attempts_before)

    pause = timedelta(seconds=seconds)
    assert before + pause <= WaitingCommand.objects.get().due_at <= datetime.now(UTC) + pause


def test_waiting_for_a_mail_server_has_an_end(settings: Any) -> None:
    assert settings.EMAIL_TIMEOUT is not None
    assert 0 < settings.EMAIL_TIMEOUT <= LONGEST_WAIT_S


def test_a_silent_mail_server_makes_the_notifier_fail(settings: Any, silent_mail_server: None) -> None:
    settings.EMAIL_TIMEOUT = 0.1

    with pytest.raises(OSError, match="timed out"):
        send_email(ENVELOPE)


def test_an_email_that_could_not_be_sent_is_sent_again_later(
    own_database: str, settings: Any, silent_mail_server: None
) -> None:
    settings.EMAIL_TIMEOUT = 0.1

    notify_by_email.apply(kwargs={"envelope": ENVELOPE})

    assert WaitingCommand.objects.get().task == "credits.notify_by_email"


@pytest.mark.django_db
@pytest.mark.parametrize(("status", "became"), [(204, "unchanged"), (500, "waiting")])
def test_what_became_of_a_notification_that_was_sent_again_is_noted(settings: Any, status: int, became: str) -> None:
    park([ToPark(message=task_message(name="credits.notify_by_webhook"), reason=ParkReason.NOTIFIER_FAILED)])
    replay([ParkedMessage.objects.get().pk], by="anna", at=datetime.now(UTC))
    replayed = str(ParkedAct.objects.get().id)

    with answering(status) as (url, _):
        settings.NOTIFY_WEBHOOK_URL = url
        notify_by_webhook.push_request(id=str(uuid4()), retries=0, **{REPLAY_OF: replayed})
        try:
            notify_by_webhook.run(envelope=ENVELOPE)
        finally:
            notify_by_webhook.pop_request()

    assert [outcome.status for outcome in ReplayOutcome.objects.all()] == [became]
