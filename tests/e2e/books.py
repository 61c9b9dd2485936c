"""The books as somebody outside the service reads them: the tables of docs/contract.md §6, by plain SELECTs."""

import base64
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    MetaData,
    String,
    Table,
    Uuid,
    create_engine,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.pool import NullPool

metadata = MetaData()
ACCOUNTS = Table(
    "credit_accounts",
    metadata,
    Column("id", Uuid),
    Column("merchant_id", Uuid),
    *(Column(name, String) for name in ("platform_name", "platform_shop_id", "shop_domain")),
    *(Column(name, BigInteger) for name in ("balance", "held", "total_granted", "total_consumed", "sequence")),
)
TRANSACTIONS = Table(
    "credit_transactions",
    metadata,
    Column("id", Uuid),
    Column("merchant_id", Uuid),
    *(Column(name, BigInteger) for name in ("sequence", "amount", "balance_before", "balance_after")),
    *(Column(name, String) for name in ("status", "operation", "reference_type", "reference_id", "reason")),
    *(Column(name, String) for name in ("kind", "description", "correlation_id")),
    Column("metadata", JSON),
)
OUTBOX = Table(
    "credit_outbox",
    metadata,
    Column("id", Uuid),
    Column("account_id", Uuid),
    Column("account_sequence", BigInteger),
    *(Column(name, String) for name in ("destination", "name", "event_type", "correlation_id")),
    Column("batch_id", Uuid),
    Column("body", JSON),
    Column("unrouted", Boolean),
)
BATCHES = Table(
    "credit_outbox_batches",
    metadata,
    Column("id", Uuid),
    *(Column(name, String) for name in ("published_at", "publish_after", "last_error")),
    Column("attempts", BigInteger),
)
PARKED = Table(
    "credit_parked",
    metadata,
    Column("id", BigInteger),
    Column("merchant_id", Uuid),
    Column("conflicts_with_id", Uuid),
    *(Column(name, String) for name in ("state", "reason", "field", "detail", "queue", "name", "correlation_id")),
    *(Column(name, String) for name in ("headers", "properties", "body", "body_encoding")),
    Column("count", BigInteger),
)
ACTS = Table("credit_parked_acts", metadata, Column("id", Uuid), Column("parked_id", BigInteger))
OUTCOMES = Table("credit_replay_outcomes", metadata, Column("replay_id", Uuid), Column("status", String))
WAITING = Table(
    "credit_waiting",
    metadata,
    Column("id", BigInteger),
    Column("merchant_id", Uuid),
    *(Column(name, String) for name in ("task", "correlation_id", "due_at", "park_at")),
    Column("kwargs", JSON),
    Column("send_again", Boolean),
)

Row = dict[str, Any]


class Books:
    """The tables behind one DATABASE_URL."""

    def __init__(self, *, database_url: str) -> None:
        self._engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg2:"), poolclass=NullPool)

    def account(self, merchant_id: str) -> Row | None:
        """The merchant's account; None while it is not open."""
        return next(iter(self._rows(select(ACCOUNTS).where(ACCOUNTS.c.merchant_id == UUID(merchant_id)))), None)

    def balance(self, merchant_id: str) -> int | None:
        """The merchant's balance; None while the account is not open."""
        account = self.account(merchant_id)
        return account["balance"] if account else None

    def held(self, merchant_id: str) -> int | None:
        """What holds have set aside of the merchant's balance."""
        account = self.account(merchant_id)
        return account["held"] if account else None

    def shop_domain(self, merchant_id: str) -> str | None:
        """The domain of the merchant's shop."""
        account = self.account(merchant_id)
        return account["shop_domain"] if account else None

    def transactions(self, merchant_id: str) -> list[Row]:
        """The merchant's transactions, posted and declined, in the order of their making."""
        mine = TRANSACTIONS.c.merchant_id == UUID(merchant_id)
        return self._rows(select(TRANSACTIONS).where(mine).order_by(TRANSACTIONS.c.id))

    def references(self, merchant_id: str) -> list[str]:
        """The reference ids of the merchant's posted transactions, sorted."""
        return sorted(row["reference_id"] for row in self.transactions(merchant_id) if row["status"] == "posted")

    def events(self, merchant_id: str) -> list[Row]:
        """What the ledger has recorded to tell of this merchant, and how far it has come, by account_sequence."""
        progress = [column for column in BATCHES.c if column.name != "id"]
        rows = select(OUTBOX, *progress).join(ACCOUNTS, ACCOUNTS.c.id == OUTBOX.c.account_id)
        rows = rows.join(BATCHES, BATCHES.c.id == OUTBOX.c.batch_id)
        mine = ACCOUNTS.c.merchant_id == UUID(merchant_id)
        return self._rows(rows.where(mine, OUTBOX.c.event_type != "").order_by(OUTBOX.c.account_sequence))

    def parked(self, token: str) -> list[Row]:
        """The parked messages that hold this text in their body or headers, the oldest first."""
        holds = or_(PARKED.c.body.contains(token), PARKED.c.headers.contains(token))
        return self._rows(select(PARKED).where(holds).order_by(PARKED.c.id))

    def parked_bytes(self, token: bytes) -> list[Row]:
        """The parked messages whose body is kept in base64 and holds these bytes, the oldest first."""
        rows = self._rows(select(PARKED).where(PARKED.c.body_encoding == "base64").order_by(PARKED.c.id))
        return [row for row in rows if token in base64.b64decode(row["body"])]

    def replay_outcomes(self, parked_id: int) -> list[str]:
        """What became of a parked message's replays, as far as it is known."""
        told = select(OUTCOMES).join(ACTS, ACTS.c.id == OUTCOMES.c.replay_id)
        return [row["status"] for row in self._rows(told.where(ACTS.c.parked_id == parked_id))]

    def waiting(self, token: str) -> list[Row]:
        """The waiting commands of a merchant's id or a correlation id."""
        mine = [WAITING.c.correlation_id == token]
        if len(token) == 36:
            mine.append(WAITING.c.merchant_id == UUID(token))
        return self._rows(select(WAITING).where(or_(*mine)).order_by(WAITING.c.id))

    def counts(self) -> tuple[int, int]:
        """How many transactions and parked messages there are."""
        with self._engine.connect() as connection:
            transactions = connection.scalar(select(func.count()).select_from(TRANSACTIONS)) or 0
            return transactions, connection.scalar(select(func.count()).select_from(PARKED)) or 0

    def let_time_pass(self, correlation_id: str) -> None:
        """Have what waits under a correlation id be due now: the tests' way to wait for minutes."""
        with self._engine.begin() as connection:
            mine = WAITING.c.correlation_id == correlation_id
            connection.execute(update(WAITING).where(mine).values(due_at=LONG_AGO, park_at=LONG_AGO))

    def _rows(self, query: Any) -> list[Row]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


LONG_AGO = "2020-01-01 00:00:00+00:00"
