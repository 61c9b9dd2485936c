"""Chromium on the admin's pages: nothing hostile runs, and the pages keep to their own content security policy."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from playwright.sync_api import ConsoleMessage, Page

from ledger.models import Account
from tests.browser.conftest import SignIn
from tests.security.hostile import RUNS, hostile_books
from tests.security.test_injection import pages, searches

pytestmark = pytest.mark.slow

# Django's actions.js wants the box that selects all, which the ledger's lists leave out; with or without hostile texts.
HARMLESS = "Cannot read properties of null (reading 'addEventListener')"
SETTLED_MS = 100  # for what a page's scripts do once it is there


def watched(page: Page) -> list[str]:
    """What the browser complains of on this page from now on: refusals of the policy, errors of scripts, dialogs."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: None if error.message == HARMLESS else complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    return complaints


def test_no_script_runs_out_of_any_text_and_no_page_breaks_its_policy(signed_in: SignIn) -> None:
    account = hostile_books(RUNS)
    User.objects.create(username="<script>window.pwned=1</script>", is_staff=True)
    anna = signed_in("anna")
    complaints = watched(anna)
    acts = [
        reverse(f"admin:ledger_account_{name}", args=[account.pk])
        for name in ("adjust", "freeze", "thaw", "threshold", "shop")
    ]
    story = reverse("story", args=["x"]) + f"?{RUNS}"

    for address in [*pages(), *acts, *searches(RUNS)[:4], story, "/admin/password_change/", "/api/docs"]:
        anna.goto(address)
        anna.wait_for_timeout(SETTLED_MS)
        assert anna.evaluate("window.pwned") is None, address
        assert complaints == [], address


def test_pages_of_staff_and_roles_keep_to_their_policy_too(signed_in: SignIn) -> None:
    anna = signed_in("anna")
    user = User.objects.get(username="anna")
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="auth"))
    complaints = watched(anna)

    for address in (
        "/admin/auth/user/",
        f"/admin/auth/user/{user.pk}/change/",
        "/admin/auth/user/add/",
        "/admin/auth/group/add/",
    ):
        anna.goto(address)
        anna.wait_for_timeout(SETTLED_MS)
        assert complaints == [], address


@pytest.mark.parametrize(
    ("markup", "refused"),
    [
        ("<script>window.pwned=1</script>", True),
        ('<img src="x" onerror="window.pwned=1">', True),
        ('<a id="go" href="javascript:window.pwned=1">go</a>', True),
        ('<script src="https://elsewhere.example.com/x.js"></script>', True),
        ('<form id="f" action="https://elsewhere.example.com/"><button id="go">go</button></form>', True),
    ],
)
def test_were_a_text_ever_put_into_a_page_as_it_is_the_policy_would_stop_it(
    signed_in: SignIn, markup: str, refused: bool
) -> None:
    """The second line of defence, tried by putting markup into an answer on its way to the browser."""
    Account.objects.exists()
    anna = signed_in("anna")
    complaints = watched(anna)

    def put_in(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        route.fulfill(response=answer, body=answer.text().replace("</body>", f"{markup}</body>"))  # type: ignore[attr-defined]

    anna.route("**/admin/", put_in)
    anna.goto("/admin/")
    if 'id="go"' in markup:
        anna.evaluate("document.getElementById('go').click()")
    anna.wait_for_timeout(SETTLED_MS)

    assert anna.evaluate("window.pwned") is None
    assert any("Content Security Policy" in complaint for complaint in complaints) is refused
    assert anna.url.endswith("/admin/")
