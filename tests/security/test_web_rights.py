"""The web processes under their own rights: they answer, show queues, sign staff in and act, and can't publish."""

import re
from http.cookiejar import CookieJar
from io import StringIO
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from kombu import Connection

from ledger.models import Account, AccountChange, OutboxRow, ParkedMessage
from tests.admin.books import one_of_everything
from tests.broker_users import broker_users
from tests.processes import service_environment
from tests.roles import WEB, apply_roles, drop_logins, login
from tests.security.test_broker_users import declared_by
from tests.servers.management import VirtualHost
from tests.servers.ports import free_ports

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PASSWORD = "a-password-for-the-tests-alone"


class Browser:
    """As much of one as it takes to sign in and send forms."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies = CookieJar()
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        return str(self.opener.open(f"{self.address}{path}", timeout=30).read().decode())

    def send(self, path: str, **fields: Any) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        assert token
        data = urlencode({**fields, "csrfmiddlewaretoken": token[1]}).encode()
        request = Request(f"{self.address}{path}", data=data, headers={"Referer": f"{self.address}{path}"})
        return str(self.opener.open(request, timeout=30).read().decode())


def test_the_web_works_under_its_own_rights(
    own_database: str, rabbitmq_admin: VirtualHost, run_process: Any, tmp_path: Any
) -> None:
    users = broker_users(rabbitmq_admin)
    assert declared_by(users["deployer"]).returncode == 0
    call_command("roles", stdout=StringIO())
    account = one_of_everything().account
    hashed = PBKDF2PasswordHasher().encode(PASSWORD, "salt-of-the-tests", iterations=1000)
    User.objects.create(username="anna", password=hashed, is_staff=True).groups.add(Group.objects.get(name="adjuster"))
    apply_roles(own_database)
    (port,) = free_ports(1)
    environment = service_environment(
        database_url=login(own_database, role=WEB),
        broker_url=users["web"],
        credit_api_external_port=str(port),
        prometheus_multiproc_dir=str(tmp_path / "metrics"),
        var_dir=str(tmp_path / "var"),
    )
    web = run_process("gunicorn", "creditsvc.wsgi", "--config", "python:creditsvc.gunicorn", environment=environment)
    web.wait_for_log("Booting worker")
    anna = Browser(f"http://127.0.0.1:{port}")

    assert "degraded" not in anna.get("/ready")
    assert re.search(r'^credits_queue_depth\{.*queue="credits.grants".*\} 0\.0$', anna.get("/metrics"), re.MULTILINE)
    assert "Please enter the correct" in anna.send("/admin/login/", username="anna", password="wrong")
    assert "Overview" in anna.send("/admin/login/?next=/admin/", username="anna", password=PASSWORD)
    anna.send(f"/admin/ledger/account/{account.pk}/freeze/", reason="asked for")
    parked = ParkedMessage.objects.get()
    anna.send("/admin/ledger/parkedmessage/", action="replay", _selected_action=parked.pk, index=0)

    account = Account.objects.get(pk=account.pk)
    assert account.frozen
    assert AccountChange.objects.get().actor == "anna"
    parked.refresh_from_db()
    assert (parked.state, parked.resolved_by) == ("replayed", "anna")
    assert OutboxRow.objects.filter(destination="message", batch__published_at=None).exists()  # a worker's to publish
    with Connection(rabbitmq_admin.url) as connection:
        assert connection.default_channel.queue_declare("credits.consume", passive=True).message_count == 0
    web.kill()
    drop_logins(own_database)
