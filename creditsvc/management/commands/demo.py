"""Run every process, play one merchant's story through the broker, show what came of it, stay up until Ctrl-C."""

import json
import signal
import socket
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from creditsvc.celery import app
from creditsvc.demo.broker import Producer, printed_events
from creditsvc.demo.processes import LOGS, Processes, running_processes
from creditsvc.demo.story import MERCHANT_ID, Step, story
from creditsvc.environment import environment
from ledger.management.terminal import TerminalCommand
from ledger.models import Account, Transaction
from ledger.staff.roles import make_roles
from tasks.topology import declare

STAFF = ("staff", "staff-of-the-demo")
READY_TIMEOUT_S = 60
ADDRESS = f"http://127.0.0.1:{environment.credit_api_external_port}"


class Command(TerminalCommand):
    """`manage.py demo`, which `make run` calls."""

    help = "Run the whole service and play one merchant's story through the broker. Never for production."

    def handle(self, *args: Any, **options: Any) -> None:
        """Play the story, then wait for Ctrl-C."""
        if environment.app_env == "production":
            raise CommandError("the demonstration is not for production (APP_ENV)")
        for ending in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C does: what was started is stopped
            signal.signal(ending, signal.default_int_handler)
        refuse_a_taken_port()
        declare(app)
        create_staff()
        print(f"Starting web, workers and beat; their logs are in {LOGS} …", flush=True)
        try:
            with running_processes() as processes:
                wait_until_ready(processes)
                with printed_events(app):
                    play(processes)
                    show()
                    stay(processes)
        except KeyboardInterrupt:
            print("\nStopped. `make run` starts again where this left off.")


def create_staff() -> None:
    """Make staff's roles, and the demonstration's member of staff unless there is one."""
    make_roles()
    name, password = STAFF
    users = get_user_model()
    if not users.objects.filter(username=name).exists():
        users.objects.create_superuser(name, password=password)


def refuse_a_taken_port() -> None:
    """Raise CommandError where something listens on our port already: its answers are not ours."""
    with socket.socket() as client:
        if client.connect_ex(("127.0.0.1", environment.credit_api_external_port)) == 0:
            raise CommandError(f"{ADDRESS} is taken: choose another CREDIT_API_EXTERNAL_PORT")


def wait_until_ready(processes: Processes) -> None:
    """Wait until the API answers. Raises CommandError where a process has ended instead."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        fail_if_any_died(processes)
        try:
            with urllib.request.urlopen(f"{ADDRESS}/health", timeout=1):  # noqa: S310
                return
        except OSError:
            time.sleep(0.2)
    raise CommandError(f"the API does not answer at {ADDRESS}; see {LOGS / 'web.log'}")


def fail_if_any_died(processes: Processes) -> None:
    """Raise CommandError that names the processes which have ended."""
    if dead := processes.dead():
        ends = ", ".join(f"{name} with {code} (see {LOGS / name}.log)" for name, code in dead.items())
        raise CommandError(
            f"ended unexpectedly: {ends}; all others were stopped, and `make run` goes on where they were"
        )


def play(processes: Processes) -> None:
    """Send a chapter of the story, and print what goes in and what comes out."""
    account = Account.objects.filter(merchant_id=MERCHANT_ID).first()
    chapter = Transaction.objects.filter(merchant_id=MERCHANT_ID, reference_id__startswith="demo-order-").count() + 1
    if account:
        print(f"The books are where they were left: {account.balance} credits after {account.sequence} transactions.")
    print("→ a command, = what became of it; events are printed as they arrive, which is a moment later.", flush=True)
    producer = Producer(app)
    for step in story(chapter=chapter, available=available):
        fail_if_any_died(processes)
        print(f"\n→ {step.title}\n      {step.task} {fields_of(step)}", flush=True)
        print(f"      {outcome_line(producer.send(step.task, step.fields))}", flush=True)
    time.sleep(5)  # for what was given for a moment to expire, and the last events to arrive; nothing depends on it


def available() -> int:
    """How many credits the merchant has that no hold has set aside."""
    account = Account.objects.get(merchant_id=MERCHANT_ID)
    return account.balance - account.held


def fields_of(step: Step) -> str:
    """A command's fields on one line, cut where they are many."""
    text = json.dumps(step.fields)
    return text if len(text) <= 200 else f"{text[:197]}…"


def outcome_line(outcome: dict[str, Any]) -> str:
    """What became of a command, in one line."""
    if "items" in outcome:
        last = outcome["items"][-1]
        return f"= {outcome['status']}, {len(outcome['items'])} items, balance {last['balance']}"
    told = [f"balance {outcome['balance']}"] if outcome["balance"] is not None else []
    told += [outcome["reason"]] if outcome["reason"] else []
    again = "as the first time: " if outcome["replayed"] else ""
    return f"= {again}{outcome['status']}" + "".join(f", {fact}" for fact in told)


def show() -> None:
    """Show the API's answer, how to repeat it, and where staff look."""
    account = Account.objects.get(merchant_id=MERCHANT_ID)  # its shop as it is now: staff may have changed it
    token = jwt.encode(
        {
            "sub": account.shop_domain,
            "scope": settings.REQUIRED_CLIENT_SCOPE,
            "exp": datetime.now(UTC) + timedelta(hours=12),
        },
        settings.CLIENT_JWT_SECRETS[0],
        algorithm="HS256",
    )
    headers = {
        "Authorization": f"Bearer {token}",
        "X-Shop-Platform": account.platform_name,
        "X-Shop-Domain": account.shop_domain,
    }
    request = urllib.request.Request(f"{ADDRESS}/api/credits", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        body = json.dumps(json.load(answer), indent=2)
    flags = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
    name, password = STAFF
    print(f"\nWhat the BFF reads:\n{body}\n\nRepeat it:\n  curl {flags} {ADDRESS}/api/credits")
    if environment.broker_is_embedded:
        print(f"\nSend something yourself (README, «What a producer sends»); the broker is {environment.broker_url}")
        print("What you send that can't be carried out prints no event: .venv/bin/python manage.py parked list")
    print(f"\nAPI documents: {ADDRESS}/api/docs\nStaff: {ADDRESS}/admin/  ({name} / {password})")
    print("\nCtrl-C ends it; in the background, SIGTERM.")


def stay(processes: Processes) -> None:
    """Wait for Ctrl-C, as long as every process runs."""
    while True:
        fail_if_any_died(processes)
        time.sleep(1)
