"""Correcting a parked message: the page on which it is edited beside the original."""

import json
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextareaWidget

from ledger.admin.display import page_of, pretty_text
from ledger.admin.forms import ReasonForm
from ledger.correcting import content_in
from ledger.errors import Refused
from ledger.models import ParkedMessage
from ledger.parking import correct
from ledger.sending_again import as_it_would_be_sent, newest_corrections

CORRECT_PAGE = "ledger_parkedmessage_correct"
EDITED_AT_MOST = 200_000  # characters; longer ones by `manage.py parked correct`


class CorrectForm(ReasonForm):
    """What is to be sent instead, and why."""

    field_order = ["body", "headers", "reason"]
    body = forms.CharField(
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16, "spellcheck": "false", "class": "ledger-code"}),
        help_text="JSON: of a task [args, kwargs, embed], of a plain event its envelope.",
    )
    headers = forms.CharField(
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "spellcheck": "false", "class": "ledger-code"}),
        help_text="A JSON object. A task message needs task and id.",
    )


def correct_page(admin: Any, request: HttpRequest, object_id: int) -> HttpResponse:
    """Show a message beside what is to be sent instead, and store that. Only a POST does anything.

    Raises PermissionDenied for staff who may not view parked messages, or not settle them.
    """
    if not (admin.has_view_permission(request) and admin.has_settle_permission(request)):
        raise PermissionDenied
    row = ParkedMessage.objects.filter(pk=object_id).first()
    if row is None:
        raise Http404
    form = CorrectForm(request.POST) if request.method == "POST" else CorrectForm(initial=_as_it_stands(row))
    if form.is_bound and form.is_valid() and _is_stored(request, row, form):
        admin.message_user(request, "Corrected. Replay it to have it sent.", messages.SUCCESS)
        return HttpResponseRedirect(page_of(row))
    context = {
        **admin.admin_site.each_context(request),
        "title": f"Correct: {row}",
        "row": row,
        "form": form,
        "original": (("Headers", pretty_text(row.headers)), ("Body", pretty_text(row.body))),
        "back": page_of(row),
    }
    return TemplateResponse(request, "admin/ledger/correct.html", context)


def _is_stored(request: HttpRequest, row: ParkedMessage, form: CorrectForm) -> bool:
    """Store the correction; where it is refused, say so beside the field."""
    try:
        correct(row.pk, **form.cleaned_data, by=request.user.get_username(), at=datetime.now(UTC))
    except Refused as refused:
        _mark(form, refused)
        return False
    LogEntry.objects.log_actions(
        user_id=request.user.pk or 0,  # staff have signed in
        queryset=ParkedMessage.objects.filter(pk=row.pk),
        action_flag=CHANGE,
        change_message=f"Corrected: {form.cleaned_data['reason']}",
    )
    return True


def _mark(form: CorrectForm, refused: Refused) -> None:
    """Show a refusal beside what it is about: a field of the command stands in the body."""
    if not refused.field:
        form.add_error(None, str(refused))
    elif refused.field in form.fields:
        form.add_error(refused.field, str(refused.args[0]))
    else:
        form.add_error("headers" if refused.field.startswith("headers.") else "body", str(refused))


def _as_it_stands(row: ParkedMessage) -> dict[str, str]:
    """What would be sent now, to be edited."""
    message = as_it_would_be_sent(row, newest_corrections([row]).get(row.pk))
    return {"body": _editable(message.body), "headers": _lines(dict(message.headers))}


def _editable(body: bytes) -> str:
    """A body over as many lines as it needs; as it is, where it isn't JSON of the kind that is sent."""
    try:
        text = _lines(content_in(body))
    except Refused:
        text = body.decode(errors="replace")
    return text if len(text) <= EDITED_AT_MOST else ""


def _lines(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
