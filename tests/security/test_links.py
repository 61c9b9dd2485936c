"""Links: they lead to commands alone, and name no place of our own; any other message is refused."""

from typing import Any

import pytest

from ledger.links import MAX_LINKS, read_links

NOTICE = "credits.notify_low_balance"
ENVELOPE = {"event_id": "1", "event_type": "evt.credits.low_balance.v1"}


def link(task: str, /, *args: Any, options: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
    """A task to run, as Celery writes it into a message."""
    return {"task": task, "args": args and list(args), "kwargs": kwargs, "options": options or {}, "immutable": True}


COMMAND = link("credits.consume", merchant_id="m", options={"queue": "credits.consume"})
THEIRS = link("orders.mine", 5, "credits", queue="orders")
FORGING = link(NOTICE, envelope=ENVELOPE)
FORBIDDEN = {
    "their own": THEIRS,
    "their own in a queue of theirs": link("orders.mine", options={"queue": "orders"}),
    "a notice": FORGING,
    "celery.map": link("celery.map", NOTICE, [ENVELOPE]),
    "celery.starmap": link("celery.starmap", NOTICE, [[ENVELOPE]]),
    "celery.chunks": link("celery.chunks", NOTICE, [[[ENVELOPE]]], 1),
    "celery.map of a signature": link("celery.map", task=FORGING, it=[ENVELOPE]),
    "celery.map of a command": link("celery.map", "credits.consume", [{}]),
    "a group": link("celery.group", tasks=[FORGING]),
    "a chain": link("celery.chain", tasks=[THEIRS, FORGING]),
    "a chord": link("celery.chord", header=[THEIRS], body=FORGING),
    "a kind of signature": {**link("credits.consume", tasks=[THEIRS]), "subtask_type": "group"},
    "a link of a link": link("credits.consume", options={"link": [link("celery.map", "orders.mine", [1])]}),
    "an errback of a link": link("credits.consume", options={"link_error": [THEIRS]}),
    "arguments": link("credits.consume", [{"run": ["credits.sweep_outbox"]}]),
    "a routing key": link("credits.consume", options={"exchange": "", "routing_key": "credits.sweeps"}),
    "an exchange as bytes": link("credits.consume", options={"exchange": b"credits.events"}),
    "what would be given the result": {**COMMAND, "immutable": False},
    "a countdown that is no number": link("credits.consume", options={"countdown": "5"}),
    "an expiry that is no time": link("credits.consume", options={"expires": "soon"}),
    "an eta that is no time": link("credits.consume", options={"eta": "later"}),
    "arguments that are none": {**COMMAND, "args": 5},
    "fields that are none": {**COMMAND, "kwargs": [1]},
    "options that are none": {**COMMAND, "options": "urgent"},
    "a key": {**COMMAND, "kwargs": {NOTICE: 1}},
    "a name": "orders.mine",
    "an id that is no text": link("credits.consume", options={"task_id": 5}),
    "an id too long for AMQP": link("credits.consume", options={"task_id": "é" * 200}),
    "a way to reply too long for AMQP": link("credits.consume", options={"reply_to": "é" * 200}),
    "a place in a group beyond AMQP's numbers": link("credits.consume", options={"group_index": 2**63}),
    "a place in a group that is no number": link("credits.consume", options={"group_index": "1"}),
    "an eta after all times": link("credits.consume", options={"eta": "9999-12-31T23:59:59Z"}),
    "a task that is no text": link(["credits.consume"]),  # type: ignore[arg-type]  # a message may have anything there
}
ALLOWED = {
    "a command": COMMAND,
    "a command by its exchange": link("credits.purchase", options={"exchange": "credits.commands"}),
    "a command that has one": link("credits.purchase", options={"link": [COMMAND], "countdown": 5}),
    "a command for later": link("credits.purchase", options={"eta": "2026-01-31T12:00:00+00:00", "expires": 60}),
}


def forbidden_link(embed: dict[str, Any]) -> str:
    """Why a message's links are refused; empty where they are not."""
    try:
        read_links(embed)
    except ValueError as error:
        return str(error)
    return ""


def embeds(linked: Any) -> list[dict[str, Any]]:
    """Every way that a message can carry a link."""
    return [{"callbacks": [linked]}, {"errbacks": [linked]}, {"chain": [COMMAND, linked]}, {"chord": linked}]


@pytest.mark.parametrize("linked", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_link_leads_to_anything_but_commands(linked: Any) -> None:
    found = [forbidden_link(embed) for embed in embeds(linked)]

    assert all(found)


@pytest.mark.parametrize("linked", ALLOWED.values(), ids=ALLOWED)
def test_a_link_may_lead_to_commands(linked: dict[str, Any]) -> None:
    found = [forbidden_link(embed) for embed in embeds(linked)]

    assert found == [""] * 4


@pytest.mark.parametrize(
    "options",
    [
        {"user_id": "orders"},
        {"headers": {"task": "celery.chord_unlock"}},
        {"stamped_headers": ["task"], "task": "celery.chord_unlock"},
        {"route_name": "x"},
        {"serializer": "pickle", "compression": "x", "retry_policy": "x", "router": {"a": 1}, "task_type": 1},
        {"priority": "high", "delivery_mode": "x", "producer": 1, "connection": 2, "publisher": 3},
    ],
)
def test_of_a_links_options_no_more_counts_than_when_it_is_sent_and_what_hangs_on_it(options: dict[str, Any]) -> None:
    further = link("credits.purchase", options={**options, "countdown": 5})
    linked = link("credits.consume", options={**options, "link": [further], "task_id": "id-1"})

    (read,) = read_links({"callbacks": [linked]})["callbacks"]

    assert read["options"].keys() == {"link", "task_id"}
    assert [each["options"] for each in read["options"]["link"]] == [{"countdown": 5}]


def test_links_of_links_without_end_are_refused() -> None:
    deep = COMMAND
    for _ in range(2_000):
        deep = link("credits.consume", options={"link": [deep]})

    assert forbidden_link({"callbacks": [deep]})


@pytest.mark.parametrize("count", [MAX_LINKS, MAX_LINKS + 1])
def test_of_links_and_what_hangs_on_them_there_are_no_more_than_so_many(count: int) -> None:
    chained = COMMAND
    for _ in range(count - 1):
        chained = link("credits.consume", options={"chain": [chained]})
    ways = [{"callbacks": [COMMAND] * count}, {"chain": [COMMAND] * (count - 1), "chord": COMMAND}, {"chord": chained}]

    found = [forbidden_link(embed) for embed in ways]

    assert [bool(why) for why in found] == [count > MAX_LINKS] * len(ways), found


def test_a_link_is_found_however_deep_it_lies() -> None:
    deep: Any = FORGING
    for _ in range(100_000):
        deep = [deep]

    assert NOTICE in forbidden_link({"callbacks": [link("credits.consume", deep)]})


@pytest.mark.parametrize("name", ["callbacks", "errbacks", "chain"])
@pytest.mark.parametrize("links", ["credits.consume", COMMAND, ["credits.consume"], [[COMMAND]], 5])
def test_links_are_a_list_of_objects_for_celery_goes_over_anything(name: str, links: Any) -> None:
    assert forbidden_link({name: links})
