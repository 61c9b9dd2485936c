"""A real browser before the admin as gunicorn serves it; Debian's Chromium, installed where it is missing."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Browser, Page, sync_playwright

from tests.fixtures.served import ServeAt
from tests.servers import install

# Without these Chromium keeps asking the network for what nobody here needs.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "a-password-for-the-tests-alone"

SignIn = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module; nothing of it is left for the tests after them."""
    install.require(["chromium"])
    # Playwright has a loop in this thread, and no query here is made within it.
    with pytest.MonkeyPatch.context() as patched, sync_playwright() as playwright:
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def address(serve_at: ServeAt, own_database: str) -> str:
    return f"http://127.0.0.1:{serve_at(own_database)}"


@pytest.fixture
def signed_in(browser: Browser, address: str) -> Iterator[SignIn]:
    """Opens a page on which somebody has signed in, with all of the ledger's permissions."""
    contexts = []

    def sign_in(name: str, *, width: int = 1280) -> Page:
        # As the service hashes; the tests' own settings take a quicker way.
        hashed = PBKDF2PasswordHasher().encode(PASSWORD, "salt-of-the-tests", iterations=1000)
        user = User.objects.create(username=name, password=hashed, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="ledger"))
        context = browser.new_context(viewport={"width": width, "height": 800}, base_url=address)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.goto("/admin/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/admin/")
        return page

    yield sign_in
    for context in contexts:
        context.close()
