"""Who sent a message: recorded where RabbitMQ has validated it, and nobody's mere word is."""

import json
from typing import Any

import amqp
import pytest
from celery import Celery

from ledger.models import ParkedMessage, Transaction, WaitingCommand
from tests.confirms import confirmed
from tests.e2e.producer import Producer, consumption, new_id, opening
from tests.e2e.service import Service, running
from tests.processes import eventually, service_environment
from tests.security.conftest import Sender

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def row_of(reference_id: str) -> Transaction:
    """The transaction with that reference, once it is there."""
    return eventually(lambda: Transaction.objects.filter(reference_id=reference_id).first())


def opened(sender: Sender) -> str:
    merchant = new_id()
    sender.send("credits.open_account", opening(merchant), user_id=sender.name)
    sender.send("credits.purchase", {"merchant_id": merchant, "credits": 50, "purchase_id": f"buy {merchant}"})
    row_of(f"buy {merchant}")
    return merchant


def test_a_producer_that_gives_its_name_stands_on_the_transaction_by_every_way_a_message_takes(
    sender: Sender, users: dict[str, str], service: Service
) -> None:
    merchant, named = opened(sender), {"user_id": sender.name}
    plain, later, watched = (consumption(merchant) for _ in range(3))
    many, unopened = [consumption(merchant), consumption(merchant)], new_id()
    early = consumption(unopened)
    inbound = Sender(users["inbound"])

    sender.send("credits.consume", plain, **named)
    sender.send("credits.consume_many", {"items": many}, **named)
    sender.send("credits.consume", early, **named)
    sender.send("credits.open_account", opening(unopened))
    sender.send("credits.consume", later, countdown=1, **named)
    sender.send(
        "credits.consume",
        watched,
        countdown=1,
        link_error=Celery("x").signature("credits.consume", immutable=True),
        **named,
    )
    bought = {"merchant_id": merchant, "credits": 3, "purchase_id": f"p {merchant}"}
    with confirmed(inbound.url) as publish:
        publish(
            json.dumps({"event_type": "evt.billing.credits.purchased.v1", "data": bought}),
            exchange="glam.events",
            routing_key="evt.billing.credits.purchased.v1",
            content_type="application/json",
            content_encoding="utf-8",
            user_id=inbound.name,
        )

    for reference in (plain, later, watched, *many, early):
        assert row_of(reference["reference_id"]).producer == sender.name
    assert row_of(f"p {merchant}").producer == inbound.name
    assert row_of(f"buy {merchant}").producer == ""  # which came without a name


def test_a_name_that_is_not_the_senders_own_is_refused_by_the_broker(
    sender: Sender, users: dict[str, str], service: Service
) -> None:
    with pytest.raises(amqp.PreconditionFailed, match="user_id"):
        sender.send("credits.consume", consumption(new_id()), user_id=Sender(users["service"]).name)


def test_a_parked_message_shows_who_sent_it_and_stays_theirs_when_it_is_replayed(
    sender: Sender, service: Service
) -> None:
    merchant = opened(sender)
    refused = consumption(merchant, amount=1)
    sender.send("credits.consume", refused, user_id=sender.name, expires=-5)
    parked = eventually(lambda: ParkedMessage.objects.filter(body__contains=refused["reference_id"]).first())
    assert f'"user_id": "{sender.name}"' in parked.properties

    # The message has expired for good; what it says is sent again without that by hand, as staff's correction does.
    parked.headers = parked.headers.replace('"expires": "', '"was": "')
    parked.save()
    replayed = service.manage("parked", "replay", str(parked.pk))

    assert replayed.returncode == 0, replayed.stderr
    assert row_of(refused["reference_id"]).producer == sender.name


def test_a_header_that_names_somebody_as_we_do_when_we_send_again_is_believed_of_nobody(
    sender: Sender, users: dict[str, str], service: Service
) -> None:
    merchant = opened(sender)
    mine, theirs = consumption(merchant), consumption(merchant)

    sender.send("credits.consume", mine, headers={"x-credits-producer": "somebody"})
    sender.send("credits.consume", theirs, headers={"x-credits-producer": "somebody:forged"}, user_id=sender.name)

    assert row_of(mine["reference_id"]).producer == ""
    assert row_of(theirs["reference_id"]).producer == ""  # a forger is not told from us by its own name either


def test_on_redis_nobody_validates_a_name_and_none_is_recorded(
    redis_url: str, own_database: str, tmp_path: Any
) -> None:
    merchant, claimed = new_id(), {"user_id": "the-boss"}
    environment = service_environment(database_url=own_database, broker_url=redis_url)
    service = Service(broker="redis", environment=environment, folder=tmp_path)
    with running(service, "grants", "consume"), Celery(broker=redis_url, set_as_current=False) as app:
        producer = Producer(app=app, books=service.books, has_exchanges=True)
        producer.send("credits.open_account", opening(merchant), **claimed)
        producer.send(
            "credits.purchase", {"merchant_id": merchant, "credits": 5, "purchase_id": f"buy {merchant}"}, **claimed
        )
        producer.send("credits.consume", consumption(merchant), countdown=600, **claimed)

        assert row_of(f"buy {merchant}").producer == ""
        waiting = eventually(lambda: WaitingCommand.objects.first())

    assert "the-boss" not in str(waiting.message)
