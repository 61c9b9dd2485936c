"""Waiting: commands ahead of their account wait in the ledger's database, and are posted in order of arrival."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.producer import Producer, consumption, new_id, opening
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = pytest.mark.servers


def test_what_waits_is_posted_in_order_of_arrival_when_the_account_opens(producer: Producer, service: Service) -> None:
    merchant = new_id()
    producer.send("credits.purchase", {"merchant_id": merchant, "credits": 5, "purchase_id": new_id()})
    eventually(lambda: len(service.books.waiting(merchant)) == 1)
    for amount in (3, 4, 2):
        producer.send("credits.consume", consumption(merchant, amount=amount))
    eventually(lambda: len(service.books.waiting(merchant)) == 4)

    producer.send("credits.open_account", opening(merchant))

    producer.settled(merchant, balance=0)
    decided = [(row["amount"], row["status"]) for row in service.books.transactions(merchant)]
    assert decided == [(5, "posted"), (3, "posted"), (4, "declined"), (2, "posted")]
    assert service.books.waiting(merchant) == []


def test_a_command_whose_time_has_not_come_goes_on_waiting(producer: Producer, service: Service) -> None:
    merchant = new_id()
    due_at = datetime.now(UTC) + timedelta(hours=1)
    fields = {"merchant_id": merchant, "credits": 5, "purchase_id": new_id()}
    id_ = producer.send("credits.purchase", fields, eta=due_at).id
    eventually(lambda: service.books.waiting(merchant))

    producer.send("credits.open_account", opening(merchant))

    producer.settled(merchant, balance=0)
    service.books.let_time_pass(id_)
    producer.settled(merchant, balance=5)


def test_what_outlives_its_wait_is_parked(producer: Producer, service: Service) -> None:
    merchant = new_id()
    id_ = producer.send("credits.consume", consumption(merchant)).id
    eventually(lambda: service.books.waiting(merchant))

    service.books.let_time_pass(id_)

    (parked,) = eventually(lambda: service.books.parked(id_))
    assert (parked["reason"], str(parked["merchant_id"])) == ("no_account", merchant)
    assert service.books.waiting(merchant) == []


def test_a_parked_message_replayed_goes_through_the_broker_and_is_applied(producer: Producer, service: Service) -> None:
    merchant = new_id()
    id_ = producer.send("credits.purchase", {"merchant_id": merchant, "credits": 5, "purchase_id": new_id()}).id
    eventually(lambda: service.books.waiting(merchant))
    service.books.let_time_pass(id_)
    (parked,) = eventually(lambda: service.books.parked(id_))
    producer.send("credits.open_account", opening(merchant))
    producer.settled(merchant, balance=0)

    replayed = service.manage("parked", "replay", str(parked["id"]), "--by", "ann")

    assert replayed.returncode == 0, replayed.stderr
    producer.settled(merchant, balance=5)
    assert [row["state"] for row in service.books.parked(id_)] == ["replayed"]
    assert outcome_of(service, parked["id"]) == "posted"


def outcome_of(service: Service, parked_id: int) -> str:
    """What `manage.py parked list` says became of a message's last replay."""
    listed = service.manage("parked", "list", "--state", "any", "--limit", "1000")
    (line,) = [line for line in listed.stdout.splitlines() if line.split()[0] == str(parked_id)]
    return line.split("  ")[-1]


def test_a_corrected_message_is_applied_whatever_way_it_came_and_its_row_says_so(
    producer: Producer, service: Service, tmp_path: Path
) -> None:
    merchant, wrong = producer.merchant(credits=9), {"amount": "1"}
    asked = consumption(merchant, **wrong)
    with suppress(Exception):
        producer.ask("credits.consume", asked)
    wanted = consumption(merchant, **wrong)
    plain = producer.send("credits.consume", wanted).id
    told = producer.tell("evt.billing.credits.purchased.v1", {"merchant_id": merchant, "credits": "1"})
    purchase = {"merchant_id": merchant, "credits": 1, "purchase_id": new_id()}
    right = {
        asked["reference_id"]: [[], {**asked, "amount": 1}, {}],
        plain: [[], {**wanted, "amount": 1}, {}],
        told: {"event_type": "evt.billing.credits.purchased.v1", "data": purchase},
    }

    ids = []
    for token, body in right.items():
        (parked,) = eventually(lambda token=token: service.books.parked(token))
        ids.append(parked["id"])
        file = tmp_path / "body.json"
        file.write_text(json.dumps(body))
        done = service.manage("parked", "correct", str(ids[-1]), "--body", str(file), "--reason", "a number")
        assert done.returncode == 0, done.stderr
    assert service.manage("parked", "replay", *map(str, ids)).returncode == 0

    eventually(lambda: [service.books.replay_outcomes(id_) for id_ in ids] == [["posted"]] * 3)
    producer.settled(merchant, balance=8)
