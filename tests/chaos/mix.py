"""The mix: a seeded stream of messages of every command and event, each with what must become of it in the tally.

Merchants are cast so that the order in which messages arrive, which nobody promises, changes nothing: the rich never
run out, the poor never have any, what captures and reverses waits for what it aims at.
"""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from tests.chaos import malformed
from tests.chaos.letter import Letter, event, task
from tests.chaos.tally import Expected, Reference, Tally

FORTUNE = 10**9
ALLOWANCE = 120  # above the threshold of 100, and spent one by one
MONTH_S = 30 * 24 * 60 * 60
SHARE_OF_REPEATS = 0.1
REMEMBERED = 2_000


class Mix:
    """One run's messages; the same seed gives the same ones, but for the moments in them."""

    def __init__(self, seed: int, *, rich: int = 30, poor: int = 5, spenders: int = 6) -> None:
        self.tally = Tally()
        self._chance = Random(seed)
        self._recent: deque[Letter] = deque(maxlen=REMEMBERED)
        self._consumed: deque[tuple[str, Reference, int]] = deque(maxlen=500)
        self._moments = 0
        self.rich = [self._id() for _ in range(rich)]
        self.poor = [self._id() for _ in range(poor)]
        self.absent = [self._id() for _ in range(3)]
        self.fading = [self._id() for _ in range(2)]
        self._spending = {self._id(): ALLOWANCE for _ in range(spenders)}
        self._first_purchases: dict[str, str] = {}
        self._kinds: dict[Callable[[], list[Letter]], int] = {
            self._match: 24, self._match_event: 10, self._consumption: 10, self._many: 3, self._purchase: 6,
            self._grant: 3, self._held: 6, self._reversal: 4, self._refused_for_funds: 6, self._waits: 1,
            self._newcomer: 3, self._move_shop: 2, self._later: 3, self._too_late: 1, self._conflict: 1,
            self._asks: 2, self._spend: 12, self._fade: 2, self._malformed: 1,
        }  # fmt: skip

    def opening(self) -> list[Letter]:
        """What is sent, and settled, before anything is broken."""
        letters = []
        for merchant in (*self.rich, *self.poor, *self.fading, *self._spending):
            letters.append(self._open(merchant))
        for merchant in (*self.rich, *self._spending):
            token = self._token()
            self._first_purchases[merchant] = token
            amount = ALLOWANCE if merchant in self._spending else FORTUNE
            self._expect(("purchase", token), merchant, "credit", amount)
            fields = {"merchant_id": merchant, "credits": amount, "purchase_id": token}
            letters.append(task("credits.purchase", fields, token=token))
        self.tally.exhausted |= set(self._spending)
        self.tally.fading |= set(self.fading)
        return self._noted(letters)

    def some(self, count: int) -> list[Letter]:
        """The next messages, about so many, repeats of earlier ones among them."""
        letters: list[Letter] = []
        while len(letters) < count:
            (make,) = self._chance.choices(list(self._kinds), weights=list(self._kinds.values()))
            letters += make()
            if self._recent and self._chance.random() < SHARE_OF_REPEATS:
                repeat = self._chance.choice(self._recent)
                self.tally.sent["(repeats)"] += 1
                letters.append(repeat.again(self._token()) if self._chance.random() < 0.5 else repeat)
        return self._noted(letters)

    def closing(self) -> list[Letter]:
        """The last ones: what the spenders have left."""
        letters = [letter for _ in range(sum(self._spending.values())) for letter in self._spend()]
        return self._noted(letters)

    def _noted(self, letters: list[Letter]) -> list[Letter]:
        self.tally.sent.update(letter.kind for letter in letters)
        self._recent.extend(letters)
        return letters

    # --- what is applied ---

    def _match(self) -> list[Letter]:
        merchant, token = self._rich(), self._token()
        return [task("credits.consume_match", self._match_fields(merchant, token), token=token)]

    def _match_event(self) -> list[Letter]:
        merchant, token = self._rich(), self._token()
        return [event("evt.ai.match.completed.v1", self._match_fields(merchant, token), token=token)]

    def _match_fields(self, merchant: str, token: str) -> dict[str, object]:
        self._expect(("match", token), merchant, "debit", 1)
        count = self._chance.randrange(5)
        return {
            "merchant_id": merchant,
            "match_id": token,
            "shopper_id": f"s-{token[:4]}",
            "matched_items_count": count,
        }

    def _consumption(self) -> list[Letter]:
        token = self._token()
        return [task("credits.consume", self._consume_fields(self._rich(), token), token=token)]

    def _consume_fields(self, merchant: str, token: str) -> dict[str, object]:
        amount = self._chance.randint(1, 50)
        self._expect(("export", token), merchant, "debit", amount)
        self._consumed.append((merchant, ("export", token), amount))
        return {"merchant_id": merchant, "amount": amount, "reference_type": "export", "reference_id": token}

    def _many(self) -> list[Letter]:
        token = self._token()
        items: list[dict[str, object]] = []
        for index in range(self._chance.randint(2, 40)):
            item = self._consume_fields(self._rich(), self._token())
            if self._chance.random() < 0.03:
                del self.tally.rows["export", str(item["reference_id"])]
                self._consumed.pop()
                item["amount"] = "5"
                self.tally.parked[f"{token}:{index}"] = "invalid_field"
            items.append(item)
        letter = task("credits.consume_many", {"items": items}, token=token)
        return [malformed.kept_as_it_is(letter) if any(item["amount"] == "5" for item in items) else letter]

    def _purchase(self) -> list[Letter]:
        merchant, token = self._rich(), self._token()
        return [self._bought(merchant, token)]

    def _bought(self, merchant: str, token: str) -> Letter:
        amount = self._chance.randint(1, 1_000)
        self._expect(("purchase", token), merchant, "credit", amount)
        fields = {"merchant_id": merchant, "credits": amount, "purchase_id": token}
        if self._chance.random() < 0.4:
            return event("evt.billing.credits.purchased.v1", fields, token=token)
        return task("credits.purchase", fields, token=token)

    def _grant(self) -> list[Letter]:
        merchant, token = self._rich(), self._token()
        self._expect(("goodwill", token), merchant, "credit", 7)
        fields = {"merchant_id": merchant, "amount": 7, "reference_type": "goodwill", "reference_id": token}
        return [task("credits.grant", {**fields, "priority": self._chance.randrange(100)}, token=token)]

    def _held(self) -> list[Letter]:
        """A hold, and at the same moment what resolves it, or nothing."""
        merchant, token = self._rich(), self._token()
        amount = self._chance.randint(1, 30)
        self._expect(("cart", token), merchant, "debit", amount, status="recorded")
        fields = {"merchant_id": merchant, "reference_type": "cart", "reference_id": token}
        letters = [task("credits.hold", {**fields, "amount": amount, "expires_in_s": MONTH_S}, token=token)]
        resolution = self._chance.choice(("captured", "released", "open"))
        self.tally.holds[token] = resolution
        if resolution != "open":
            letters.append(self._resolution(merchant, token, resolution, amount))
        return letters

    def _resolution(self, merchant: str, hold: str, resolution: str, amount: int) -> Letter:
        token = self._token()
        fields: dict[str, object] = {
            "merchant_id": merchant,
            "hold_reference_type": "cart",
            "hold_reference_id": hold,
            "reference_type": "delivery",
            "reference_id": token,
        }
        if resolution == "released":
            self._expect(("delivery", token), merchant, "credit", amount, status="recorded")
            return task("credits.release", fields, token=token)
        part = self._chance.randint(1, amount)
        self._expect(("delivery", token), merchant, "debit", part)
        return task("credits.capture", {**fields, "amount": part}, token=token)

    def _reversal(self) -> list[Letter]:
        if not self._consumed:
            return []
        merchant, (type_, id_), amount = self._consumed.popleft()
        token = self._token()
        self._expect(("undo", token), merchant, "credit", amount)
        fields = {
            "merchant_id": merchant,
            "original_reference_type": type_,
            "original_reference_id": id_,
            "reference_type": "undo",
            "reference_id": token,
        }
        return [task("credits.reverse", fields, token=token)]

    def _newcomer(self) -> list[Letter]:
        """A merchant's first messages, in any order."""
        merchant, trial = self._id(), self._token()
        self._expect(("trial", f"TRIAL_GRANT_{merchant}"), merchant, "credit", 500)
        fields = {"merchant_id": merchant, "ends_at": "2031-01-31T12:00:00Z"}
        starts = (
            event("evt.billing.trial.started.v1", fields, token=trial)
            if self._chance.random() < 0.5
            else task("credits.start_trial", fields, token=trial)
        )
        letters = [self._open(merchant), starts, *(self._bought(merchant, self._token()) for _ in range(2))]
        self._chance.shuffle(letters)
        return letters

    def _move_shop(self) -> list[Letter]:
        merchant, token = self._rich(), self._token()
        self._moments += self._chance.randint(-3, 9) or 1
        changed_at = f"{datetime(2027, 1, 1, tzinfo=UTC) + timedelta(seconds=self._moments):%Y-%m-%dT%H:%M:%SZ}"
        domain = f"moved-{token}.example.com"
        if changed_at > self.tally.shops.get(merchant, ("", ""))[0]:
            self.tally.shops[merchant] = (changed_at, domain)
        elif changed_at == self.tally.shops[merchant][0]:
            return []  # which of two at the same moment comes first is nobody's promise
        fields = {
            "merchant_id": merchant,
            "platform_name": "shopify",
            "platform_shop_id": f"gid://{merchant}",
            "shop_domain": domain,
            "changed_at": changed_at,
        }
        return [task("credits.change_shop", fields, token=token)]

    def _later(self) -> list[Letter]:
        token = self._token()
        eta = (datetime.now(UTC) + timedelta(seconds=self._chance.choice((0.3, 2, 5)))).isoformat()
        return [task("credits.consume", self._consume_fields(self._rich(), token), token=token, kind="eta", eta=eta)]

    def _asks(self) -> list[Letter]:
        """Somebody waits for the result: it goes Celery's own way."""
        token = self._token()
        fields = self._match_fields(self._rich(), token)
        return [task("credits.consume_match", fields, token=token, kind="asks for its result", ignore_result=False)]

    def _spend(self) -> list[Letter]:
        """One of the credits that a spender has left; once they are gone the alerts must have been told."""
        for merchant, left in self._spending.items():
            if left:
                self._spending[merchant] -= 1
                token = self._token()
                return [task("credits.consume_match", self._match_fields(merchant, token), token=token, kind="spend")]
        return []

    def _fade(self) -> list[Letter]:
        """Credits that expire within seconds."""
        merchant, token = self._chance.choice(self.fading), self._token()
        self._expect(("promotion", token), merchant, "credit", 11)
        expires_at = (datetime.now(UTC) + timedelta(seconds=self._chance.choice((1, 3)))).isoformat()
        fields = {"merchant_id": merchant, "amount": 11, "reference_type": "promotion", "reference_id": token}
        return [task("credits.grant", {**fields, "expires_at": expires_at}, token=token, kind="expiring grant")]

    # --- what is not ---

    def _refused_for_funds(self) -> list[Letter]:
        merchant, token = self._chance.choice(self.poor), self._token()
        self._expect(("export", token), merchant, "debit", 3, status="declined", reason="insufficient_credits")
        fields = {"merchant_id": merchant, "amount": 3, "reference_type": "export", "reference_id": token}
        return [task("credits.consume", fields, token=token, kind="declined")]

    def _waits(self) -> list[Letter]:
        token = self._token()
        self.tally.waiting.add(token)
        fields = {"merchant_id": self._chance.choice(self.absent), "credits": 5, "purchase_id": token}
        return [malformed.kept_as_it_is(task("credits.purchase", fields, token=token, kind="waits for its account"))]

    def _too_late(self) -> list[Letter]:
        token = self._token()
        fields = {"merchant_id": self._rich(), "amount": 1, "reference_type": "export", "reference_id": token}
        letter = task("credits.consume", fields, token=token, kind="expired", expires="2020-01-31T12:00:00+00:00")
        return [self._to_be_parked(letter, "expired")]

    def _conflict(self) -> list[Letter]:
        """The reference of a purchase that is settled, with another amount."""
        merchant = self._rich()
        fields = {"merchant_id": merchant, "credits": 13, "purchase_id": self._first_purchases[merchant]}
        letter = task("credits.purchase", fields, token=self._token(), kind="conflict")
        return [self._to_be_parked(letter, "idempotency_conflict")]

    def _malformed(self) -> list[Letter]:
        letter, reason = malformed.one(self._chance, token=self._token(), merchant=self._rich())
        return [self._to_be_parked(letter, reason)]

    def _to_be_parked(self, letter: Letter, reason: str) -> Letter:
        self.tally.parked[letter.token] = reason
        return malformed.kept_as_it_is(letter)

    # --- names ---

    def _open(self, merchant: str) -> Letter:
        token = self._token()
        shop = {"shop_domain": f"{merchant}.example.com", "merchant_id": merchant}
        if self._chance.random() < 0.5:
            data = {**shop, "platform": "shopify", "shop_gid": f"gid://{merchant}"}
            return event("evt.merchant.created.v1", data, token=token)
        fields = {**shop, "platform_name": "shopify", "platform_shop_id": f"gid://{merchant}"}
        return task("credits.open_account", fields, token=token)

    def _expect(
        self,
        reference: Reference,
        merchant: str,
        operation: str,
        amount: int,
        *,
        status: str = "posted",
        reason: str = "",
    ) -> None:
        self.tally.expect(reference, Expected(merchant, status, operation, amount, reason))

    def _rich(self) -> str:
        """One of the rich; every fourth time the same one, which is hot."""
        return self.rich[0] if self._chance.random() < 0.25 else self._chance.choice(self.rich)

    def _id(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))

    def _token(self) -> str:
        return self._id()
