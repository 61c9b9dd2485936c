"""Acting: what staff may have done about a row, each on a page of its own with a form that asks why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from ledger.admin.display import link, page_of
from ledger.admin.forms import ReasonForm
from ledger.admin.inspection import InspectAdmin
from ledger.errors import Refused
from ledger.identifiers import new_id
from ledger.models import Adjustment, Transaction
from ledger.outcomes import Outcome, Status

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an action would come to, for people to read; is_possible says whether it may be confirmed."""

    lines: Sequence[tuple[str, object]]
    is_possible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to be done about a row.

    carry_out takes the row, `actor` and the form's fields. note says of a row what will happen. fits says for which
    rows it is offered. Where foresee is given, it is shown first what the action would come to, to be confirmed.
    """

    name: str
    title: str
    permission: str
    note: Callable[[Any], object]
    carry_out: Callable[..., Outcome | Adjustment]
    form: type[ReasonForm] = ReasonForm
    initial: Callable[[Any], Fields] = lambda row: {}
    fits: Callable[[Any, str], bool] = lambda row, actor: True
    foresee: Callable[..., Foreseen] | None = None

    @property
    def is_foreseen(self) -> bool:
        """For templates, which would call foresee where they only ask whether it is there."""
        return self.foresee is not None


class ActingAdmin(InspectAdmin):
    """Pages that offer actions to staff with the permission for each."""

    acts: ClassVar[tuple[Action, ...]] = ()
    change_form_outer_before_template = "admin/ledger/acts.html"

    def get_urls(self) -> list[Any]:
        own = [
            path(
                f"<uuid:object_id>/{action.name}/",
                self.admin_site.admin_view(partial(self.act, action=action)),
                name=self._address_name(action),
            )
            for action in self.acts
        ]
        return own + list(super().get_urls())

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        actor = request.user.get_username()
        context["actions"] = [
            {"title": action.title, "address": self._address(action, obj)}
            for action in self.acts
            if request.user.has_perm(action.permission) and action.fits(obj, actor)
        ]
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def act(self, request: HttpRequest, object_id: Any, *, action: Action) -> HttpResponse:
        """The page of an action: asks, shows what it would come to, and has it done. Only a POST does anything.

        Raises PermissionDenied for staff who may not view the row, or not have this done.
        """
        if not (self.has_view_permission(request) and request.user.has_perm(action.permission)):
            raise PermissionDenied
        row = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        if request.method != "POST":
            return self._page(request, row, action, action.form(initial=dict(action.initial(row))))
        form = action.form(request.POST)
        if form.is_valid():
            try:
                return self._go_on(request, row, action, form)
            except Refused as refused:
                _mark(form, refused)
        return self._page(request, row, action, form)

    def _go_on(self, request: HttpRequest, row: Any, action: Action, form: ReasonForm) -> HttpResponse:
        actor = request.user.get_username()
        is_confirmed = "confirm" in request.POST and form.cleaned_data.get("adjustment_id") is not None
        if action.foresee is None or is_confirmed:
            self._tell(request, action.carry_out(row, actor=actor, **form.cleaned_data))
            return HttpResponseRedirect(page_of(row))
        fields = {**form.cleaned_data, "adjustment_id": new_id()}
        foreseen = action.foresee(row, actor=actor, **fields)
        to_confirm = action.form({**request.POST.dict(), "adjustment_id": str(fields["adjustment_id"])})
        return self._page(request, row, action, to_confirm, foreseen=foreseen)

    def _page(
        self, request: HttpRequest, row: Any, action: Action, form: ReasonForm, *, foreseen: Foreseen | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{action.title}: {row}",
            "action": action,
            "note": action.note(row),
            "form": form,
            "foreseen": foreseen,
            "back": page_of(row),
            "address": self._address(action, row),
        }
        return TemplateResponse(request, "admin/ledger/act.html", context)

    def _tell(self, request: HttpRequest, done: Outcome | Adjustment) -> None:
        """Say on the next page what became of it."""
        if isinstance(done, Adjustment):
            what = f"{done.get_state_display()}." if done.decided_by else "Stored: a second person must approve it."
            self.message_user(request, format_html("{} {}", what, link(page_of(done), "Adjustment")))
            return
        level = _LEVELS.get(done.status, messages.ERROR)
        text = _TEXTS.get(done.status, str(done.status))
        before = " It was done before, and not again." if done.replayed else ""
        reason = f" Reason: {done.reason}." if done.reason else ""
        self.message_user(request, format_html("{}{}{} {}", text, reason, before, _transaction(done)), level)

    def _address(self, action: Action, row: Any) -> str:
        return reverse(f"admin:{self._address_name(action)}", args=[row.pk])

    def _address_name(self, action: Action) -> str:
        return f"ledger_{self.opts.model_name}_{action.name}"


_LEVELS = {
    Status.POSTED: messages.SUCCESS,
    Status.RECORDED: messages.SUCCESS,
    Status.UNCHANGED: messages.WARNING,
    Status.DECLINED: messages.WARNING,
}
_TEXTS = {
    Status.POSTED: "Done.",
    Status.RECORDED: "Recorded.",
    Status.UNCHANGED: "Unchanged: it is so already, or a later change is in force.",
    Status.DECLINED: "Declined.",
    Status.PARKED: "Not done.",
}


def _transaction(done: Outcome) -> object:
    if done.transaction_id is None:
        return ""
    return link(page_of(Transaction(pk=done.transaction_id)), "Transaction")


def _mark(form: ReasonForm, refused: Refused) -> None:
    """Show a refusal beside the field that it names; above the form where the form has no such field to see."""
    if refused.field in form.fields and not form.fields[refused.field].widget.is_hidden:
        form.add_error(refused.field, str(refused.args[0]))
    else:
        form.add_error(None, str(refused))
