"""Changes of an account that move no credits. Each is unchanged where it says what is so already."""

from ledger import dialect
from ledger.instructions import Freeze, MoveShop, SetThreshold, Thaw
from ledger.models import Account
from ledger.outcomes import Outcome
from ledger.staff.instructing import carry_out, instruction


def freeze(account: Account, *, actor: str, reason: str) -> Outcome:
    """Have consumptions and holds declined from now on; all else goes on."""
    return carry_out(instruction(Freeze, account, actor=actor, reason=reason))


def thaw(account: Account, *, actor: str, reason: str) -> Outcome:
    """End a freeze."""
    return carry_out(instruction(Thaw, account, actor=actor, reason=reason))


def set_threshold(account: Account, *, threshold: int | None, actor: str, reason: str) -> Outcome:
    """Give the account a low-balance threshold of its own, in credits; None has it follow the service's again."""
    return carry_out(instruction(SetThreshold, account, threshold=threshold, actor=actor, reason=reason))


def move_shop(
    account: Account, *, platform_name: str, platform_shop_id: str, shop_domain: str, actor: str, reason: str
) -> Outcome:
    """Give the account another shop as of now; unchanged where a change that is dated later is in force already."""
    return carry_out(
        instruction(
            MoveShop,
            account,
            platform_name=platform_name,
            platform_shop_id=platform_shop_id,
            shop_domain=shop_domain,
            changed_at=dialect.current().clock(),
            actor=actor,
            reason=reason,
        )
    )
