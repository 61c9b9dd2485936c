"""The judge: what became of everything, against the tally alone; each finding is one line that names its message."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from tests.chaos.books import Books, Row
from tests.chaos.listening import Envelope
from tests.chaos.tally import Expected, Tally

EVENT_OF_POSTED = {"goodwill": "granted", "promotion": "granted", "purchase": "granted", "trial": "granted",
                   "match": "consumed", "export": "consumed", "delivery": "captured", "undo": "reversed",
                   "expire": "expired"}  # fmt: skip
EVENT_OF_RECORDED = {"cart": "held", "delivery": "released"}
EVENT_OF_DECLINED = "insufficient"


@dataclass(slots=True)
class Verdict:
    """What is wrong, and what Redis may lose: messages of which there is no trace, and what others wait for."""

    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def judge_books(tally: Tally, books: Books) -> Verdict:
    """Rows, balances, shops, holds, what waits and what is parked."""
    verdict = Verdict()
    for reference, expected in tally.rows.items():
        row = books.rows.get(reference)
        if row is None:
            verdict.lost.append(f"lost: {reference} of {expected}")
        elif why := _differs(row, expected):
            verdict.wrong.append(f"wrong {why}: {reference} is {row}, expected {expected}")
    for reference in books.rows.keys() - tally.rows.keys():
        if reference[0] != "expire" or books.rows[reference].merchant not in tally.fading:
            verdict.wrong.append(f"nobody asked for {reference}: {books.rows[reference]}")
    verdict.lost += [f"lost: {token}, which waits" for token in tally.waiting - set(books.waiting)]
    verdict.lost += [f"lost: what {token} waits for, and should not" for token in set(books.waiting) - tally.waiting]
    verdict.lost += [
        f"lost: {token}, to be parked as {why}" for token, why in tally.parked.items() if token not in books.parked
    ]
    verdict.wrong += _waiting(books)
    verdict.wrong += _parked(tally, books)
    if not verdict.lost:
        verdict.wrong += _sums(tally, books)
    if books.unpublished:
        verdict.wrong.append(f"{books.unpublished} outbox rows are not published")
    return verdict


def _differs(row: Row, expected: Expected) -> str:
    if row.merchant != expected.merchant:
        return "merchant"
    if (row.status, row.operation, row.reason) != (expected.status, expected.operation, expected.reason):
        return "outcome"
    return "amount" if expected.status != "recorded" and row.amount != expected.amount else ""


def _waiting(books: Books) -> Iterator[str]:
    for token, count in Counter(books.waiting).items():
        if count > 1:
            yield f"waits {count} times: {token}"


def _parked(tally: Tally, books: Books) -> Iterator[str]:
    for token, (reason, count) in books.parked.items():
        expected = tally.parked.get(token)
        if expected is None:
            yield f"parked as {reason} and should not be: {token}"
        elif reason != expected:
            yield f"parked as {reason}, expected {expected}: {token}"
        elif count > 1:
            yield f"parked in {count} rows: {token}"


def _sums(tally: Tally, books: Books) -> Iterator[str]:
    for merchant, balance in tally.balances().items():
        if books.balances.get(merchant) != balance:
            yield f"balance of {merchant} is {books.balances.get(merchant)}, expected {balance}"
    for merchant, (_, domain) in tally.shops.items():
        if books.domains.get(merchant) != domain:
            yield f"shop of {merchant} is {books.domains.get(merchant)}, expected {domain}"
    for hold, status in tally.holds.items():
        if books.holds.get(hold) != status:
            yield f"hold {hold} is {books.holds.get(hold)}, expected {status}"


def judge_events(tally: Tally, books: Books, heard: Sequence[Envelope]) -> list[str]:
    """Each owed event has arrived, none without its transaction, the numbers of each account without a gap."""
    first: dict[str, Envelope] = {}
    wrong: list[str] = []
    for envelope in heard:
        if first.setdefault(envelope["event_id"], envelope) != envelope:
            wrong.append(f"event {envelope['event_id']} was told in two ways")
    wrong += _causes(books, first)
    wrong += _numbers(books, list(first.values()))
    wrong += _owed(books, list(first.values()))
    wrong += _alerts(tally, list(first.values()))
    return wrong


def _causes(books: Books, events: dict[str, Envelope]) -> Iterator[str]:
    """An event's id is made from its transaction's."""
    types = {envelope["event_type"] for envelope in events.values()}
    made = {str(uuid5(UUID(row.id), type_)) for row in books.rows.values() for type_ in types}
    for event_id, envelope in events.items():
        if event_id not in made:
            yield f"an event without its transaction: {envelope}"


def _numbers(books: Books, events: Sequence[Envelope]) -> Iterator[str]:
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for envelope in events:
        seen[envelope["data"]["merchant_id"]].append(envelope["metadata"]["account_sequence"])
    for merchant, last in books.event_sequences.items():
        numbers = sorted(seen[merchant])
        if numbers != list(range(1, last + 1)):
            missing = sorted(set(range(1, last + 1)) - set(numbers))
            yield f"events of {merchant}: {len(numbers)} of {last}, missing {missing[:10]}"


def _owed(books: Books, events: Sequence[Envelope]) -> Iterator[str]:
    told = {
        (
            envelope["event_type"].split(".")[2],
            envelope["data"].get("reference_type"),
            envelope["data"].get("reference_id"),
        )
        for envelope in events
    }
    for (type_, id_), row in books.rows.items():
        owed = {"posted": EVENT_OF_POSTED, "recorded": EVENT_OF_RECORDED}.get(row.status, {}).get(
            type_, EVENT_OF_DECLINED
        )
        if (owed, type_, id_) not in told:
            yield f"not told: {owed} of {type_}/{id_}"


def _alerts(tally: Tally, events: Sequence[Envelope]) -> Iterator[str]:
    told = Counter((envelope["data"]["merchant_id"], envelope["event_type"].split(".")[2]) for envelope in events)
    for merchant in tally.exhausted:
        for alert in ("low_balance", "exhausted"):
            if told[merchant, alert] != 1:
                yield f"{alert} of {merchant} was told {told[merchant, alert]} times"
