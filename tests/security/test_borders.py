"""What a producer may not have the workers do with the workers' own rights: forge events, notices, sweeps."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from amqp import Message
from celery import Celery
from kombu import Connection, Exchange, Queue

from creditsvc.celery import app
from ledger.links import COMMANDS_EXCHANGE
from ledger.models import Account, Transaction
from tests.confirms import confirmed
from tests.e2e.producer import consumption, new_id, opening
from tests.e2e.service import Service
from tests.processes import eventually
from tests.security.conftest import Parked, Sender

pytestmark = [pytest.mark.servers, pytest.mark.slow]

OUR_TASKS = (
    "credits.notify_low_balance", "credits.notify_exhausted", "credits.notify_by_webhook", "credits.notify_by_email",
    "credits.sweep_outbox", "credits.sweep_due", "credits.prune_outbox",
    "celery.backend_cleanup", *(CELERYS_TASKS := (
        "celery.accumulate", "celery.chain", "celery.chord", "celery.chord_unlock", "celery.chunks", "celery.group",
        "celery.map", "celery.starmap",
    )),
)  # fmt: skip
SPY = Queue("spy", Exchange("credits.events", "topic"), routing_key="#", durable=False, auto_delete=False)


def forged() -> dict[str, Any]:
    """A whole event that never happened."""
    return {
        "event_id": new_id(),
        "event_type": "evt.credits.low_balance.v1",
        "correlation_id": "forged",
        "source_service": "credit-service",
        "timestamp": "2026-01-01T00:00:00Z",
        "data": {"merchant_id": new_id(), "balance": 0, "threshold": 100, "platform_name": "shopify"},
        "metadata": {"account_sequence": 1, "transaction_sequence": None},
    }


def command(fields: dict[str, Any]) -> dict[str, Any]:
    """A link that opens an account."""
    return {"task": "credits.open_account", "args": [], "kwargs": fields, "options": {}, "immutable": True}


def told(service: Service) -> str:
    """All that was published as an event of the service, and what is to be told by its notifiers."""
    bodies = []
    with Connection(service.broker_url) as connection:
        for queue in (SPY, Queue("credits.notifications", no_declare=True)):
            bound = queue(connection.default_channel)
            while message := bound.get(no_ack=True):
                bodies.append(str(message.body))
    return "".join(bodies)


@pytest.fixture
def spied(service: Service) -> Service:
    with Connection(service.broker_url) as connection:
        SPY(connection.default_channel).declare()
    told(service)  # what tests before had it say
    return service


def test_the_border_stands_at_the_exchange_that_producers_write_to() -> None:
    assert app.conf["commands"].name == COMMANDS_EXCHANGE


@pytest.mark.parametrize("key", ["credits.purchase", "credits.consume"])
def test_a_producers_message_starts_no_task_of_our_own(
    key: str, sender: Sender, spied: Service, parked: Parked
) -> None:
    ids = []
    with confirmed(sender.url) as publish:
        for task in OUR_TASKS:
            ids.append(new_id())
            publish(
                json.dumps([[], {"envelope": forged()}, {}]),
                exchange="credits.commands",
                routing_key=key,
                content_type="application/json",
                content_encoding="utf-8",
                headers={"lang": "py", "task": task, "id": ids[-1], "root_id": ids[-1]},
            )

    rows = eventually(lambda: len(rows := parked()) == len(ids) and list(rows))

    assert {(row.reason, row.field) for row in rows} == {("unknown_task", "task")}
    assert {row.name for row in rows} == set(OUR_TASKS)
    assert "forged" not in told(spied)


def test_a_producers_message_that_names_its_task_elsewhere_starts_none(
    sender: Sender, spied: Service, parked: Parked
) -> None:
    inside = {"task": "credits.notify_low_balance", "args": [], "kwargs": {}, "options": {}}
    written = {**inside, "task": "orders.mine", "options": {"exchange": "credits.events", "routing_key": "evt.any"}}
    old = {"id": new_id(), "kwargs": {}}  # protocol 1: all of it stands in the body
    bodies = [
        {**old, "task": "celery.starmap", "args": [inside, [[forged()]]]},
        {**old, "task": "celery.accumulate", "args": ["forged"], "callbacks": [written]},
        {**old, "task": "credits.notify_low_balance", "args": [forged()]},
    ]
    with confirmed(sender.url) as publish:
        for body in bodies:
            publish(
                json.dumps(body),
                exchange="credits.commands",
                routing_key="credits.consume",
                content_type="application/json",
                content_encoding="utf-8",
            )

    rows = eventually(lambda: len(rows := parked()) == len(bodies) and list(rows))

    assert {(row.reason, row.field) for row in rows} == {("not_a_task", "task")}
    assert "forged" not in told(spied)


def test_no_message_starts_a_task_of_celerys_that_starts_others(spied: Service, parked: Parked) -> None:
    inside = {"task": "credits.notify_low_balance", "args": [], "kwargs": {}, "options": {}}
    with confirmed(spied.broker_url) as publish:
        for task in CELERYS_TASKS:
            publish(
                json.dumps([[inside, [[forged()]]], {}, {}]),
                routing_key="credits.consume",
                content_type="application/json",
                content_encoding="utf-8",
                headers={"lang": "py", "task": task, "id": new_id()},
            )

    rows = eventually(lambda: len(rows := parked()) == len(CELERYS_TASKS) and list(rows))

    assert {(row.name, row.reason) for row in rows} == {(task, "unknown_task") for task in CELERYS_TASKS}
    assert "forged" not in told(spied)


def test_no_message_starts_a_task_of_our_own_in_a_queue_of_the_producers_by_whatever_key(
    spied: Service, parked: Parked
) -> None:
    with confirmed(spied.broker_url) as publish:
        for task in OUR_TASKS:
            publish(
                json.dumps([[], {"envelope": forged()}, {}]),
                routing_key="nowhere",
                content_type="application/json",
                content_encoding="utf-8",
                headers={"lang": "py", "task": task, "id": new_id(), "CC": ["credits.consume"]},
            )

    rows = eventually(lambda: len(rows := parked()) == len(OUR_TASKS) and list(rows))

    assert {(row.name, row.reason) for row in rows} == {(task, "unknown_task") for task in OUR_TASKS}
    assert "forged" not in told(spied)


def test_a_producers_message_that_staff_send_again_starts_no_task_of_our_own_either(
    sender: Sender, spied: Service, parked: Parked
) -> None:
    death = {"queue": "credits.notifications", "reason": "rejected", "count": 1, "exchange": "", "routing-keys": ["x"]}
    ways = [
        ("credits.consume", {"x-first-death-queue": "credits.notifications", "CC": ["spy", "credits.notifications"]}),
        ("credits.notifications", {"CC": ["credits.consume"]}),  # which is routed by that header alone
        ("credits.dead", {"CC": ["credits.consume"], "x-death": [death]}),
    ]
    with confirmed(sender.url) as publish:
        for key, headers in ways:
            publish(
                json.dumps([[], {"envelope": forged()}, {}]),
                exchange="credits.commands",
                routing_key=key,
                content_type="application/json",
                content_encoding="utf-8",
                headers={"task": "credits.notify_low_balance", "id": new_id(), **headers},
            )
    rows = eventually(lambda: len(rows := parked()) == len(ways) and list(rows))
    assert {row.queue for row in rows} == {"credits.consume"}

    assert spied.manage("parked", "replay", *(str(row.id) for row in rows)).returncode == 0

    eventually(lambda: parked().filter(count=2).count() == len(ways))
    assert "forged" not in told(spied)


def test_no_copy_of_a_producers_message_goes_where_the_producer_may_not_send_it(
    sender: Sender, spied: Service, parked: Parked
) -> None:
    merchant, linked = new_id(), new_id()
    with confirmed(sender.url) as publish:
        publish(
            json.dumps([[], opening(merchant), {"callbacks": [command(opening(linked))]}]),
            exchange="credits.commands",
            routing_key="credits.open_account",
            content_type="application/json",
            content_encoding="utf-8",
            headers={
                "task": "credits.open_account",
                "id": new_id(),
                "eta": (datetime.now(UTC) + timedelta(seconds=2)).isoformat(),
                "CC": ["spy", "credits.inbound"],
            },
        )

    eventually(lambda: Account.objects.filter(merchant_id=linked).exists())
    assert merchant not in told(spied)
    assert not parked().exists()


@pytest.mark.parametrize("body", ["[[], {}, {}]", "", "x" * 300_000], ids=["whole", "empty", "large"])
def test_a_routing_key_that_is_no_text_ends_no_worker(
    body: str, sender: Sender, service: Service, parked: Parked
) -> None:
    message = Message(
        body,
        content_type="application/json",
        content_encoding="utf-8",
        application_headers={"task": "credits.nothing", "id": new_id(), "CC": ["credits.consume"]},
    )
    with Connection(sender.url, transport_options={"confirm_publish": True}) as connection:
        for _ in range(2):  # one of them is read ahead, maybe, and one not
            connection.default_channel.basic_publish(message, "credits.commands", b"credits.\xff")

    row = eventually(lambda: parked().filter(count=2).first())

    assert row.queue == "credits.consume"
    assert all(process.exit_code is None for process in service.processes.values())


def test_a_task_name_of_any_shape_is_parked_and_ends_no_worker(
    sender: Sender, service: Service, parked: Parked
) -> None:
    shapes: list[Any] = [["credits.consume"], {"a": 1}, 5, None, "", True]
    with confirmed(sender.url) as publish:
        for task in shapes:
            publish(
                json.dumps([[], {}, {}]),
                exchange="credits.commands",
                routing_key="credits.consume",
                content_type="application/json",
                content_encoding="utf-8",
                headers={"lang": "py", "task": task, "id": new_id()},
            )

    eventually(lambda: parked().count() == len(shapes))
    assert all(process.exit_code is None for process in service.processes.values())


def test_no_link_of_a_producers_has_a_worker_start_or_write_what_the_producer_may_not(
    sender: Sender, spied: Service, parked: Parked
) -> None:
    merchant = new_id()
    sender.send("credits.open_account", opening(merchant))
    with Celery(set_as_current=False) as theirs:
        event = {"envelope": forged()}
        inside = theirs.signature("credits.notify_low_balance", kwargs=event, immutable=True)
        written = theirs.signature("orders.mine", kwargs=event, immutable=True)
        links: list[dict[str, Any]] = [
            {"link": inside},
            {"link_error": inside},
            {"link": theirs.signature("celery.map", args=[inside["task"], [forged()]], immutable=True)},
            {"chain": [inside]},
            {"link": theirs.signature("orders.mine", link=inside)},
            {"link": written.set(exchange="credits.events", routing_key="evt.credits.granted.v1")},
            {"link": written.set(queue="credits.notifications")},
        ]
        sent = []
        for link in links:
            sent.append(consumption(merchant, amount=0 if "link_error" in link else 1))
            sender.send("credits.consume", sent[-1], **link)

        rows = eventually(lambda: len(rows := parked()) == len(links) and list(rows))

    assert {(row.reason, row.field) for row in rows} == {("invalid_field", "embed")}
    assert not Transaction.objects.filter(merchant_id=merchant, reference_type="export").exists()
    assert "forged" not in told(spied)


@pytest.mark.parametrize("embed", [{}, {"errbacks": [{"task": "credits.consume", "immutable": True}]}])
def test_no_header_of_a_producers_has_a_worker_start_what_no_link_may(
    embed: dict[str, Any], sender: Sender, spied: Service, parked: Parked
) -> None:
    merchant = new_id()
    sender.send("credits.open_account", opening(merchant))
    sender.send("credits.purchase", {"merchant_id": merchant, "credits": 5, "purchase_id": f"buy {merchant}"})
    link = {"task": "credits.notify_low_balance", "args": [], "kwargs": {"envelope": forged()}, "options": {}}
    links = [{**link, "subtask_type": None, "immutable": True}]
    with confirmed(sender.url) as publish:
        for name in ("callbacks", "chain", "errbacks"):
            fields = consumption(merchant, amount=0 if name == "errbacks" else 1)
            publish(
                json.dumps([[], fields, embed]),
                exchange="credits.commands",
                routing_key="credits.consume",
                content_type="application/json",
                content_encoding="utf-8",
                headers={"task": "credits.consume", "id": new_id(), "ignore_result": False, name: links},
            )

    # One after the other; the last is refused, and is parked ahead of its errbacks.
    eventually(lambda: parked().filter(reason="invalid_field").exists())
    sender.send("credits.consume", last := consumption(merchant))
    eventually(lambda: Transaction.objects.filter(reference_id=last["reference_id"]).exists())
    assert "forged" not in told(spied)


def test_a_link_that_says_who_sends_it_is_applied(sender: Sender, service: Service) -> None:
    merchant = new_id()
    sender.send("credits.open_account", opening(merchant))
    linked = consumption(merchant)
    bought = {"merchant_id": merchant, "credits": 5, "purchase_id": f"buy {merchant}"}
    with Celery(set_as_current=False) as theirs:
        link = theirs.signature("credits.consume", kwargs=linked, immutable=True, options={"user_id": sender.name})
        sender.send("credits.purchase", bought, link=link, user_id=sender.name)

        eventually(lambda: Transaction.objects.filter(reference_id=linked["reference_id"]).first())


def test_a_link_to_a_command_still_works(sender: Sender, service: Service, parked: Parked) -> None:
    merchant = new_id()
    sender.send("credits.open_account", opening(merchant))
    linked = consumption(merchant)
    bought = {"merchant_id": merchant, "credits": 5, "purchase_id": f"buy {merchant}"}
    with Celery(set_as_current=False) as theirs:
        sender.send("credits.purchase", bought, link=theirs.signature("credits.consume", kwargs=linked, immutable=True))

        eventually(lambda: Transaction.objects.filter(reference_id=linked["reference_id"]).first())
    assert not parked().exists()
