"""What all pages over the ledger's tables share: they show rows, and nobody adds, changes or deletes one there."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from ledger.admin.chart import Chart
from ledger.admin.display import Table, link, list_of, page_of
from ledger.admin.search import NOTHING, Term, accounts_of
from ledger.admin.window import Scope, WindowedChangeList, WindowPaginator
from ledger.models import Account


class InspectAdmin(ModelAdmin):
    """Shows the rows of one table to staff who have its view permission.

    Adding, changing and deleting are refused to everybody, superusers too, by every way that Django's admin has.
    """

    newest_by: ClassVar[tuple[str, ...]] = ("id",)  # an index has these columns in this order
    joined: ClassVar[tuple[str, ...]] = ()  # relations that a row is shown with

    actions: Any = None
    paginator = WindowPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()
    list_per_page = 50
    list_max_show_all = 0
    list_disable_select_all = True
    list_after_template = "admin/ledger/window.html"
    change_form_outer_after_template: ClassVar[str | None] = "admin/ledger/tables.html"
    search_fields = ("id",)  # shows the search box; scope() does the searching

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """The rows that a search term names. Each meaning of the term is a look-up by an index."""
        raise NotImplementedError

    def tables(self, request: HttpRequest, row: Any) -> Sequence[Table]:
        """What stands below the row's own fields on its page."""
        return ()

    def chart(self, request: HttpRequest, row: Any) -> Chart | None:
        """What is drawn above its fields, if anything."""
        return None

    def scope(self, request: HttpRequest, query: str) -> Scope:
        """What the list is about: the whole table, or the rows that were searched for."""
        term = Term(query.strip())
        if not term.text:
            return Scope(by=self.newest_by)
        return self.scope_of(request, term) if term.is_searchable else Scope(NOTHING, self.newest_by)

    def one_account(self, request: HttpRequest, term: Term) -> Account | None:
        """The account that the term names: of several at one shop the newest-opened, and the page says so."""
        accounts = accounts_of(term)
        if len(accounts) > 1:
            all_of_them = link(list_of(Account, q=term.text), f"{len(accounts)} accounts")
            newest = accounts[0].merchant_id
            note = format_html("{} match; this is about the newest-opened, merchant {}.", all_of_them, newest)
            self.message_user(request, note, messages.WARNING)
        return accounts[0] if accounts else None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[WindowedChangeList]:
        return WindowedChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related(*self.joined)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        context["tables"] = self.tables(request, obj)
        context["chart"] = self.chart(request, obj)
        context["show_history"] = False
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Leads to the row's own page, which tells what was done about it: most is not in Django's own log."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(page_of(self.model(pk=object_id)))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
