"""Searching: what a term may mean, each meaning an equality that an index answers."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from ledger.fields import PLATFORMS, RESERVED_REFERENCE_TYPES, is_shop_domain, refuse_unprintable
from ledger.models import Account, Transaction

LONGEST_TERM = 320  # a reference's type and id
MATCHES_AT_MOST = 1_000
NOTHING = Q(pk__in=[])

# Types whose ids may be searched for alone; the unique index over references begins with the type.
_TYPES_OF_OUR_TASKS = ("match", "purchase", *sorted(RESERVED_REFERENCE_TYPES))


@dataclass(frozen=True, slots=True)
class Term:
    """What somebody searches for."""

    text: str

    @property
    def is_searchable(self) -> bool:
        """Whether anything stored could be written like this. PostgreSQL refuses even to look for NUL."""
        try:
            return len(refuse_unprintable(self.text)) <= LONGEST_TERM
        except ValueError:
            return False

    @property
    def uuid(self) -> UUID | None:
        try:
            return UUID(self.text)
        except ValueError:
            return None

    def is_account(self) -> Q:
        """Accounts whose merchant, shop, domain or own id the term is."""
        shop = Q(platform_name__in=PLATFORMS, platform_shop_id=self.text)
        domain = Q(platform_name__in=PLATFORMS, shop_domain=self.text.lower())
        ids = Q(merchant_id=self.uuid) | Q(pk=self.uuid) if self.uuid else NOTHING
        return ids | shop | (domain if is_shop_domain(self.text.lower()) else NOTHING)

    def is_transaction(self) -> Q:
        """Transactions whose correlation id, reference (type/id, or the id of a match, purchase, …) or own id it is."""
        type_, slash, id_ = self.text.partition("/")
        written_out = Q(reference_type=type_, reference_id=id_) if slash else NOTHING
        of_ours = Q(reference_type__in=_TYPES_OF_OUR_TASKS, reference_id=self.text)
        own = Q(pk=self.uuid) if self.uuid else NOTHING
        return Q(correlation_id=self.text) | written_out | of_ours | own

    def is_asked_for(self) -> Q:
        """Messages that ask for that reference: type/id, or the id alone, of whatever type."""
        type_, _, id_ = self.text.partition("/")
        written_out = Q(reference_type=type_, reference_id=id_) if type_ and id_ else NOTHING
        return Q(reference_id=self.text) | written_out


def accounts_of(term: Term) -> list[Account]:
    """The accounts that a term names, the newest-opened first; a shop may have had several."""
    return list(Account.objects.filter(term.is_account()).order_by("-id")[:MATCHES_AT_MOST])


def transactions_of(term: Term) -> list[Transaction]:
    """Some of the transactions that a term names: their accounts and correlation ids are filled in, nothing more."""
    found = Transaction.objects.filter(term.is_transaction()).only("id", "account_id", "correlation_id")
    return list(found[:MATCHES_AT_MOST])
