"""Every command of contract §1 by its name, and each way of enqueuing that the contract shows."""

from typing import Any

import pytest
from amqp.exceptions import PreconditionFailed
from celery import Celery
from kombu import Queue
from pytest_celery import CeleryTestSetup

from tests.e2e.producer import PATIENCE_SECONDS, QUEUES, Producer, claim, consumption, match, new_id, opening
from tests.e2e.service import Service
from tests.processes import eventually
from tests.servers.management import EVERYTHING, VirtualHost

pytestmark = pytest.mark.servers

WAYS: dict[str, Any] = {
    "exchange": lambda task: {
        "exchange": "credits.commands",
        "routing_key": task,
        "declare": [],
        "mandatory": True,
    },
    "queue": lambda task: {"queue": Queue(QUEUES[task], no_declare=True)},
    "bare": lambda task: {"queue": QUEUES[task]},
}
POSSIBLE = [
    ("rabbitmq", "exchange"),
    ("rabbitmq", "queue"),
    ("redis", "exchange"),
    ("redis", "queue"),
    ("redis", "bare"),
    ("embedded", "queue"),
    ("embedded", "bare"),
]


@pytest.mark.parametrize(("broker", "way"), POSSIBLE, indirect=["broker"])
def test_every_command_is_carried_out_by_its_name(producer: Producer, service: Service, way: str) -> None:
    merchant, how = new_id(), WAYS[way]
    item = consumption(merchant, amount=20)

    def send(task: str, **fields: Any) -> None:
        producer.send(task, fields, **how(task))

    send("credits.open_account", **opening(merchant))
    send("credits.start_trial", merchant_id=merchant, ends_at="2027-01-01T00:00:00Z")
    send("credits.purchase", merchant_id=merchant, credits=100, purchase_id=f"buy {merchant}")
    send("credits.grant", **consumption(merchant, amount=7, reference_type="goodwill"), metadata={"by": "ann"})
    producer.settled(merchant, balance=607)
    send("credits.consume_match", **match(merchant, match_id=f"match {merchant}", matched_items_count=0))
    send("credits.consume", **consumption(merchant, amount=6), description="export of the catalogue")
    send("credits.consume_many", items=[item, consumption(merchant, amount=30)])

    producer.settled(merchant, balance=550)
    rows = {row["reference_id"]: row for row in service.books.transactions(merchant)}
    assert rows[f"TRIAL_GRANT_{merchant}"]["description"] == "Trial credits granted"
    assert rows[f"buy {merchant}"]["description"] == "Purchased 100 credits"
    assert rows[f"match {merchant}"]["description"] == "Match for shopper shopper-7"
    assert rows[f"match {merchant}"]["metadata"] == {"shopper_id": "shopper-7", "matched_items_count": 0}
    assert rows[item["reference_id"]]["amount"] == 20
    assert sorted(row["amount"] for row in rows.values()) == [1, 6, 7, 20, 30, 100, 500]

    held, given_up = (consumption(merchant, amount=amount, reference_type="job") for amount in (40, 9))
    of_the_hold = {"hold_reference_type": "job", "hold_reference_id": held["reference_id"]}
    of_the_other = {"hold_reference_type": "job", "hold_reference_id": given_up["reference_id"]}
    of_the_export = {"original_reference_type": item["reference_type"], "original_reference_id": item["reference_id"]}
    # Of two tasks on two queues nobody knows which comes first: what aims at another waits for it.
    send("credits.capture", **claim(merchant), **of_the_hold, amount=35)
    send("credits.release", **claim(merchant), **of_the_other)
    send("credits.hold", **held, expires_in_s=600)
    send("credits.hold", **given_up, expires_in_s=600)
    send("credits.reverse", **claim(merchant), **of_the_export, amount=5)
    shop = {**opening(merchant), "shop_domain": "new.example.com", "changed_at": "2027-01-01T00:00:00Z"}
    send("credits.change_shop", **shop)

    producer.settled(merchant, balance=550 - 35 + 5)
    eventually(lambda: service.books.held(merchant) == 0, what="both holds resolved")
    eventually(lambda: service.books.shop_domain(merchant) == "new.example.com", what="the shop changed")


def test_a_message_of_another_language_needs_names_and_json_alone(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=5)
    body, headers = producer.task_message("credits.consume", consumption(merchant, amount=2))

    producer.publish(body, queue="credits.consume", headers={**headers, "correlation_id": f"corr {merchant}"})

    producer.settled(merchant, balance=3)
    assert service.books.transactions(merchant)[-1]["correlation_id"] == f"corr {merchant}"


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
@pytest.mark.parametrize(
    ("way", "rights"), [("exchange", "credits.commands"), ("queue", "credits.commands|amq.default")]
)
def test_a_producer_needs_no_right_but_to_write(
    celery_setup: CeleryTestSetup, service: Service, shared_host: VirtualHost, way: str, rights: str
) -> None:
    url = shared_host.create_user(write=f"^({rights.replace('.', '[.]')})$")
    with Celery(broker=url, set_as_current=False) as app:
        app.conf.broker_transport_options = {"confirm_publish": True}
        producer = Producer(app=app, books=service.books, has_exchanges=True)
        merchant = new_id()

        producer.send("credits.open_account", opening(merchant), **WAYS[way]("credits.open_account"))

        producer.settled(merchant, balance=0)


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_a_bare_queue_name_is_refused_by_rabbitmq_at_once(
    producer: Producer, service: Service, shared_host: VirtualHost
) -> None:
    merchant = producer.merchant(credits=5)
    url = shared_host.create_user(configure=EVERYTHING, write=EVERYTHING, read=EVERYTHING)
    with Celery(broker=url, set_as_current=False) as app:
        unlucky = Producer(app=app, books=service.books, has_exchanges=True)
        asked = consumption(merchant)

        with pytest.raises(PreconditionFailed) as refusal:
            unlucky.send("credits.consume", asked, queue="credits.consume")

        assert refusal.value.code == 406
        assert service.books.balance(merchant) == 5
        unlucky.send("credits.consume", asked)
        producer.settled(merchant, balance=4)


def test_a_command_brings_its_correlation_id_to_transaction_and_events(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=9)
    by_field, by_header = f"field {merchant}", f"header {merchant}"

    producer.send("credits.consume", consumption(merchant, correlation_id=by_field))
    producer.settled(merchant, balance=8)
    producer.send("credits.consume", consumption(merchant), headers={"correlation_id": by_header})
    producer.settled(merchant, balance=7)
    by_root = producer.send("credits.consume", consumption(merchant)).id
    producer.settled(merchant, balance=6)

    rows = service.books.transactions(merchant)[-3:]
    assert [row["correlation_id"] for row in rows] == [by_field, by_header, by_root]
    told = [row["body"]["correlation_id"] for row in service.books.events(merchant)]
    assert told[-3:] == [by_field, by_header, by_root]


def test_plain_messages_are_posted_in_batches(producer: Producer, service: Service, celery_setup: Any) -> None:
    merchant = producer.merchant(credits=50)
    items = [consumption(merchant) for _ in range(40)]

    for item in items:
        producer.send("credits.consume", item)

    producer.settled(merchant, balance=10)
    references = {item["reference_id"] for item in items}
    eventually(lambda: references <= set(service.books.references(merchant)), timeout_seconds=PATIENCE_SECONDS)
    if service.has_exchanges:
        name = service.node_name("consume")
        stats = celery_setup.app.control.inspect(destination=[name], timeout=5.0).stats()[name]
        assert stats["total"]["credits.consume"] >= 40
        assert stats["gathering"]["messages"] >= stats["gathering"]["batches"] >= 1
