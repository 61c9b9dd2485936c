"""`manage.py account`: the staff's actions from the command line."""

from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ledger.models import Account, Adjustment, Transaction
from tests.ledger.builders import opened_account
from tests.ledger.staffing import adjusted, declined_consumption

pytestmark = pytest.mark.django_db

ANNA = ("--actor", "anna", "--reason", "the owner wrote to us")


@pytest.fixture
def account(capsys):
    """Runs the command; what it prints."""

    def run(*words, by=ANNA):
        call_command("account", *(str(word) for word in (*words, *by)))
        return capsys.readouterr().out

    return run


@pytest.fixture
def answering(monkeypatch):
    """Answers the command's question."""

    def answer(text):
        def say(question):
            if text is None:
                raise EOFError
            return text

        monkeypatch.setattr("builtins.input", say)

    return answer


def test_adjust_shows_what_it_will_come_to_and_does_it(account):
    merchant = opened_account(credits_bought=30).merchant_id

    printed = account("adjust", merchant, -12, "--yes")

    assert "would take the balance from 30 to 18, of which 0 is held" in printed
    assert "posted: balance 18" in printed
    row = Transaction.objects.get(kind="adjust")
    assert (row.actor, row.description) == ("anna", "the owner wrote to us")


@pytest.mark.parametrize(("answer", "balance"), [("y", 40), ("YES", 40), ("n", 30), ("", 30), (None, 30)])
def test_adjust_asks_before_it_does_anything(account, answering, answer, balance):
    merchant = opened_account(credits_bought=30).merchant_id
    answering(answer)

    if balance == 30:
        with pytest.raises(CommandError, match="nothing was done"):
            account("adjust", merchant, 10)
    else:
        account("adjust", merchant, 10)

    assert Account.objects.get().balance == balance


def test_adjust_with_the_id_of_an_earlier_try_happens_once(account):
    merchant = opened_account().merchant_id
    printed = account("adjust", merchant, 10, "--yes")
    id_ = printed.split()[1]

    again = account("adjust", merchant, 10, "--yes", "--id", id_)

    assert "posted before" in again
    assert Account.objects.get().balance == 10


def test_adjust_says_beforehand_that_it_would_be_declined_and_does_nothing(account):
    merchant = opened_account(credits_bought=5).merchant_id

    with pytest.raises(CommandError, match="would be declined, insufficient_credits: balance 5, of which 0 is held"):
        account("adjust", merchant, -6, "--yes")

    assert not Transaction.objects.filter(kind="adjust").exists()


def test_what_was_taken_already_is_told_again_though_it_could_not_be_taken_now(account):
    merchant = opened_account(credits_bought=5).merchant_id
    id_ = account("adjust", merchant, -5, "--yes").split()[1]

    assert "posted before" in account("adjust", merchant, -5, "--yes", "--id", id_)


def test_added_credits_have_the_category_and_expiry_that_were_given(account):
    opened = opened_account()

    account("adjust", opened.merchant_id, 5, "--yes", "--category", "paid", "--expires-at", "2999-01-01T00:00:00Z")

    lot = opened.lots.get()
    assert (lot.category, lot.expires_at.year) == ("paid", 2999)


def test_a_large_adjustment_takes_two_people(account, settings):
    settings.ADJUST_APPROVAL_LIMIT = 0
    merchant = opened_account().merchant_id

    asked = account("adjust", merchant, 10, "--yes")
    row = Adjustment.objects.get()
    with pytest.raises(CommandError, match="actor: asked for it"):
        account("approve", row.pk)
    approved = account("approve", row.pk, by=("--actor", "bert", "--reason", "seen"))

    assert "a second person must approve it" in asked
    assert f"account approve {row.pk}" in asked
    assert "posted: balance 10" in approved


def test_refuse_keeps_a_large_adjustment_from_happening(account, settings):
    settings.ADJUST_APPROVAL_LIMIT = 0
    account("adjust", opened_account().merchant_id, 10, "--yes")

    printed = account("refuse", Adjustment.objects.get().pk, by=("--actor", "bert", "--reason", "no invoice"))

    row = Adjustment.objects.get()
    assert printed == "refused\n"
    assert (row.state, row.decision_reason) == ("refused", "no invoice")


def test_freeze_and_thaw(account):
    opened = opened_account()

    frozen = account("freeze", opened.merchant_id)
    again = account("freeze", opened.merchant_id)
    thawed = account("thaw", opened.merchant_id)

    assert [text.partition(":")[0] for text in (frozen, again, thawed)] == ["frozen", "unchanged", "thawed"]
    assert list(opened.changes.values_list("after", "actor")) == [("yes", "anna"), ("no", "anna")]


@pytest.mark.parametrize(("text", "threshold"), [("250", 250), ("0", 0), ("none", None)])
def test_threshold(account, text, threshold):
    printed = account("threshold", opened_account().merchant_id, text)

    assert printed.startswith("threshold set: " if threshold is not None else "unchanged: ")
    assert Account.objects.get().low_balance_threshold == threshold


def test_shop(account):
    opened = opened_account()

    words = ("--platform", "magento", "--shop-id", "m-1", "--domain", "new.example.com")
    printed = account("shop", opened.merchant_id, *words)

    assert printed.startswith("shop changed: ")
    opened.refresh_from_db()
    assert (opened.platform_name, opened.platform_shop_id, opened.shop_domain) == ("magento", "m-1", "new.example.com")


def test_retry(account):
    opened = opened_account()
    declined = declined_consumption(opened, amount=10)
    adjusted(opened, 15)

    first, second = account("retry", declined.pk), account("retry", declined.pk)

    assert first.startswith("posted: balance 5; transaction ")
    assert second.startswith("posted before: balance 5; transaction ")


@pytest.mark.parametrize(
    "words",
    [
        ("freeze", uuid4()),
        ("adjust", uuid4(), 5, "--yes"),
        ("approve", uuid4()),
        ("retry", uuid4()),
    ],
)
def test_what_is_not_there_is_refused(account, words):
    with pytest.raises(CommandError, match=r"no account|no such"):
        account(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("adjust", uuid4(), "5.5"),
        ("adjust", "nobody", "5"),
        ("adjust", uuid4(), "5", "--expires-at", "tomorrow"),
        ("adjust", uuid4(), "5", "--expires-at", "2999-01-01T00:00:00"),
        ("threshold", uuid4(), "some"),
        ("shop", uuid4(), "--platform", "ebay", "--shop-id", "1", "--domain", "x.example.com"),
    ],
)
def test_what_can_not_be_read_is_refused(account, words):
    with pytest.raises(CommandError):
        account(*words)


@pytest.mark.parametrize(
    "words", [("adjust", uuid4(), 5), ("freeze", uuid4()), ("retry", uuid4()), ("approve", uuid4())]
)
def test_no_action_goes_without_a_reason(account, words):
    with pytest.raises(CommandError, match="--reason"):
        account(*words, by=())


def test_a_merchant_may_be_named_by_the_domain_of_its_shop(account):
    opened = opened_account(shop_domain="glam.example.com")

    account("freeze", "Glam.example.com")

    opened.refresh_from_db()
    assert opened.frozen


def test_a_domain_of_several_merchants_is_refused_with_their_ids(account):
    here, there = (opened_account(shop_domain="glam.example.com", platform_name=name) for name in ("shopify", "custom"))

    with pytest.raises(CommandError, match=f"{here.merchant_id}, {there.merchant_id}"):
        account("freeze", "glam.example.com")

    assert not Account.objects.filter(frozen=True).exists()


def test_a_domain_of_no_merchant_is_refused(account):
    with pytest.raises(CommandError, match=r"merchant nobody\.example\.com has no account"):
        account("freeze", "nobody.example.com")


def test_who_acts_is_the_user_of_the_terminal_unless_told_otherwise(account):
    opened = opened_account()

    account("freeze", opened.merchant_id, by=("--reason", "asked to"))

    assert opened.changes.get().actor


@pytest.mark.parametrize(
    "words",
    [
        ("account", "freeze", str(uuid4()), "--actor", ""),
        ("parked", "dismiss", "1", "--reason", "by mistake", "--by", " "),
        ("rebuild", "--write", "--reason", "by hand", "--actor", ""),
        ("redact", "--shopper", "s-1", "--reason", "asked to", "--actor", ""),
    ],
    ids=lambda words: words[0],
)
def test_nobody_acts_on_anything(words):
    with pytest.raises(CommandError, match=r"--(actor|by): names nobody"):
        call_command(*words)


def test_a_refusal_steers_no_terminal(account):
    opened = opened_account()

    with pytest.raises(CommandError) as refused:
        account("freeze", opened.merchant_id, by=("--actor", "anna", "--reason", "\x1b[2J"))

    assert str(refused.value).isprintable()
