"""The forms of what staff may do. A field bears the name that a refusal names it by; the ledger itself checks them."""

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ledger.fields import PLATFORMS
from ledger.models import Lot


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept for ever, with your name and the time. No personal data, please.",
    )


class ThresholdForm(ReasonForm):
    """A threshold, or none."""

    field_order = ["threshold", "reason"]
    threshold = forms.IntegerField(
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        label="Low-balance threshold",
        help_text="Credits. Left empty, the account follows the service's own threshold.",
    )


class ShopForm(ReasonForm):
    """A shop."""

    field_order = ["platform_name", "platform_shop_id", "shop_domain", "reason"]
    platform_name = forms.ChoiceField(
        choices=[(name, name) for name in PLATFORMS], widget=UnfoldAdminSelectWidget, label="Platform"
    )
    platform_shop_id = forms.CharField(widget=UnfoldAdminTextInputWidget, label="Shop id on the platform")
    shop_domain = forms.CharField(widget=UnfoldAdminTextInputWidget, label="Shop domain")


class AdjustForm(ReasonForm):
    """An adjustment; its id is given with the preview, and makes it happen once however often it is confirmed."""

    field_order = ["change", "category", "expires_at", "reason"]
    change = forms.IntegerField(
        widget=UnfoldAdminIntegerFieldWidget, help_text="Credits: 25 to add as many, -25 to take as many."
    )
    category = forms.ChoiceField(
        choices=Lot.Category.choices,
        initial=Lot.Category.PROMOTIONAL,
        widget=UnfoldAdminSelectWidget,
        help_text="Of credits that are added.",
    )
    expires_at = forms.DateTimeField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-12-31 23:59"}),
        label="Expire at",
        help_text="When credits that are added expire, UTC. Left empty, they never do.",
    )
    adjustment_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
