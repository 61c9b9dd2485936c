"""Acting in the admin: an action's page, what is sent from it, and what is said afterwards."""

from typing import Any

from django.db.models import Model
from django.test import Client
from django.urls import reverse

REASON = {"reason": "the owner wrote to us"}


def action_page(row: Model, name: str) -> str:
    """The address of an action's page."""
    return reverse(f"admin:ledger_{row._meta.model_name}_{name}", args=[row.pk])


def act(client: Client, row: Model, name: str, **fields: Any) -> Any:
    """Send an action's form, with a reason unless fields say otherwise; the page that follows."""
    return client.post(action_page(row, name), {**REASON, **fields}, follow=True)


def confirmation(response: Any) -> dict[str, Any]:
    """The fields that a preview's page sends when it is confirmed."""
    form = response.context["form"]
    return {"confirm": "yes", **{name: form[name].value() or "" for name in form.fields}}


def adjust(client: Client, row: Model, **fields: Any) -> Any:
    """Preview an adjustment and confirm it."""
    preview = act(client, row, "adjust", **{"category": "promotional", **fields})
    return client.post(action_page(row, "adjust"), confirmation(preview), follow=True)


def said(response: Any) -> list[str]:
    """What the page says at its top."""
    return [str(message).partition(" <a")[0].strip() for message in response.context["messages"]]


def errors(response: Any) -> dict[str, list[str]]:
    """What the form refused, by field."""
    return {field: list(texts) for field, texts in response.context["form"].errors.items()}


def offered(client: Client, address: str) -> list[str]:
    """The actions that a row's page offers."""
    return [action["title"] for action in client.get(address).context["actions"]]
