"""What staff may have done about an account."""

from typing import Any

from ledger.admin.acting import Action, Foreseen
from ledger.admin.forms import AdjustForm, ShopForm, ThresholdForm
from ledger.fields import Category
from ledger.instructions import Adjust
from ledger.models import Account, Adjustment
from ledger.outcomes import Outcome
from ledger.staff import adjust, adjustment, freeze, move_shop, needs_approval, preview, set_threshold, thaw
from ledger.templatetags.ledger_display import moment, number

MOVE = "ledger.add_transaction"
CHANGE = "ledger.change_account"


def _told(account: Account, *, category: str, **fields: Any) -> Adjust:
    return adjustment(account, category=Category(category), **fields)


def _adjust(account: Account, **fields: Any) -> Outcome | Adjustment:
    return adjust(_told(account, **fields))


def _foresee(account: Account, **fields: Any) -> Foreseen:
    told = _told(account, **fields)
    seen = preview(told)
    lines: list[tuple[str, object]] = [
        ("Change", f"{told.change:+,}"),
        ("Balance now", number(seen.before)),
        ("Balance then", number(seen.after)),
        ("Of it held", number(seen.held)),
        ("Reason", told.reason),
    ]
    if told.change > 0:
        lines += [("Category", told.category), ("Expire at", moment(told.expires_at))]
    if seen.is_declined:
        lines.append(("It would be declined", str(seen.outcome.reason)))
    elif needs_approval(told):
        lines.append(("Approval", "A second person must approve it before it is posted."))
    return Foreseen(lines, is_possible=not seen.is_declined)


ACTIONS = (
    Action(
        name="adjust",
        title="Adjust",
        permission=MOVE,
        note=lambda account: "Puts the balance right, in your name. You see first what it comes to.",
        carry_out=_adjust,
        form=AdjustForm,
        foresee=_foresee,
    ),
    Action(
        name="freeze",
        title="Freeze",
        permission=CHANGE,
        note=lambda account: "Consumptions and holds are declined as long as it is frozen; all else goes on.",
        carry_out=freeze,
        fits=lambda account, actor: not account.frozen,
    ),
    Action(
        name="thaw",
        title="Thaw",
        permission=CHANGE,
        note=lambda account: "Ends the freeze: consumptions and holds are carried out again.",
        carry_out=thaw,
        fits=lambda account, actor: account.frozen,
    ),
    Action(
        name="threshold",
        title="Set threshold",
        permission=CHANGE,
        note=lambda account: "Below how many credits this account's balance is low, and is told to be so.",
        carry_out=set_threshold,
        form=ThresholdForm,
        initial=lambda account: {"threshold": account.low_balance_threshold},
    ),
    Action(
        name="shop",
        title="Change shop",
        permission=CHANGE,
        note=lambda account: "Gives the account another shop as of now: its tokens open this account from then on.",
        carry_out=move_shop,
        form=ShopForm,
        initial=lambda account: {
            "platform_name": account.platform_name,
            "platform_shop_id": account.platform_shop_id,
            "shop_domain": account.shop_domain,
        },
    ),
)
