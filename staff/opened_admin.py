"""The officers' pages of a register opened by two: propose, compare with what is in force, approve, end (DESIGN 5).

The admin of such a model inherits `OpenedAdmin` and names its fields. A page is only read: what is in force is never
edited, a change is proposed from it and stands beside it until a second person decided.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_field, label_for_field
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.forms.models import model_to_dict
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit.admin import HouseAdmin
from staff import opening
from staff.citations import cited
from staff.models import StaffUser
from staff.opened import Opened, OpenedQuerySet

OF = "of"
# fields that cite a law
LEGAL = frozenset({"article", "reference"})
# a text of so many characters is typed in more than one line
LONG = 200


class Step(NamedTuple):
    """What may be done with a row: its name in the address, its button, who may, what it does, what is said then."""

    name: str
    label: object
    may: Callable[..., bool]
    act: Callable[..., object]
    said: object


STEPS = (
    Step("approve", _("Approve: it takes effect now"), opening.may_approve, opening.approve, _("It is in force now.")),
    Step("decline", _("Decline"), opening.may_decline, opening.decline, _("The proposal was declined.")),
    Step(
        "end",
        _("Propose that it ends"),
        opening.may_propose_closing,
        opening.propose_closing,
        _("Its end is proposed; it ends when a second person approved that."),
    ),
    Step(
        "approve-end",
        _("Approve its end: it ends now"),
        opening.may_approve_closing,
        opening.approve_closing,
        _("It is no longer in force."),
    ),
    Step(
        "keep",
        _("Keep it in force"),
        opening.may_decline_closing,
        opening.decline_closing,
        _("It stays in force."),
    ),
)


def state_of(row: Opened) -> tuple[str, str]:
    """Where a row stands: (a state of the status chip, words)."""
    now = timezone.now()
    during = row.in_force_during
    if during is None:
        return "waiting", gettext("Proposed, waits for a second person")
    if during.upper is not None and during.upper <= now:
        return "neutral", gettext("Ended %(day)s") % {"day": _day(during.upper)}
    if during.lower is not None and during.lower > now:
        return "waiting", gettext("In force from %(day)s") % {"day": _day(during.lower)}
    if row.closing_proposed_by_id is not None and row.closing_approved_by_id is None:
        return "waiting", gettext("In force, a change or an end waits for a second person")
    return "allowed", gettext("In force since %(day)s") % {"day": _day(during.lower)}


def _day(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT")


class Where(admin.SimpleListFilter):
    """Rows by where they stand; what ended is shown when asked for."""

    title = pgettext_lazy("register", "state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, object]]:
        return [
            ("in-force", pgettext_lazy("register", "in force")),
            ("waiting", pgettext_lazy("register", "waits for a second person")),
            ("ended", pgettext_lazy("register", "ended")),
        ]

    def queryset(self, request: HttpRequest, queryset: OpenedQuerySet) -> OpenedQuerySet:
        match self.value():
            case "in-force":
                return queryset.in_force()
            case "waiting":
                return queryset.waiting()
            case "ended":
                return queryset.filter(in_force_during__endswith__lte=timezone.now())
        return queryset


class ProposalForm(forms.ModelForm):
    """A proposal: what the register would refuse is said beside the fields, before anything is written."""

    by: ClassVar[StaffUser]
    # what is in force and is to be replaced; None for something new
    source: ClassVar[models.Model | None] = None
    check_may_propose = staticmethod(opening.check_may_propose)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self.source is not None:
            told = model_to_dict(self.source, fields=self._meta.fields)
            kwargs["initial"] = {**told, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors:
            return
        if self.source is None and self.instance.identity and opening.standing(self.instance):
            self.add_error(None, gettext("This is in force already: open it and propose a change of it."))
        elif self.source is not None and not self.has_changed():
            self.add_error(None, gettext("Nothing differs from what is in force."))
        else:
            try:
                self.check_may_propose(self.instance, by=self.by)
            except ValidationError as error:
                self.add_error(None, error)


class OpenedAdmin(HouseAdmin):
    form = ProposalForm
    change_form_template = "admin/staff/opened.html"
    change_list_template = "admin/staff/opened_list.html"
    list_filter: ClassVar[Any] = (Where,)
    actions = None
    # the fields an officer proposes; they are compared with what is in force
    proposed: ClassVar[tuple[str, ...]] = ()
    # steps of STEPS this register does not have
    without: ClassVar[frozenset[str]] = frozenset()
    empty: ClassVar[object] = _("Nothing is in this register yet: propose the first entry.")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return super().changelist_view(request, {"empty": self.empty, **(extra_context or {})})

    @admin.display(description=pgettext_lazy("register", "state"))
    def state_now(self, row: Opened) -> str:
        return state_of(row)[1]

    def get_urls(self) -> list:
        name = f"{self.opts.app_label}_{self.opts.model_name}_step"
        view = self.admin_site.admin_view(require_POST(self.step_view))
        return [path("<int:pk>/step/<slug:step>/", view, name=name), *super().get_urls()]

    # proposing

    def source(self, request: HttpRequest) -> models.Model | None:
        """What is in force and is to be changed, named in the address. Raises Http404."""
        asked = request.GET.get(OF, "")
        if not asked:
            return None
        if not asked.isdecimal():
            raise Http404
        return get_object_or_404(self.model.objects.filter(in_force_during__upper_inf=True), pk=int(asked))

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        return self.proposed

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.show_hidden_initial = False  # a proposal is compared with what is in force, not with a default
            if isinstance(field, forms.CharField) and (field.max_length or 0) >= LONG:
                field.widget = forms.Textarea(attrs={"rows": 2, "maxlength": field.max_length})
        if field is not None and db_field.name in ("title_kk", "title_ru"):  # English is optional everywhere
            field.required = True
        return field

    def get_form(self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any):
        form = super().get_form(request, obj, change, **kwargs)
        source = None if obj else self.source(request)
        for name in self.model.identity:
            if name in form.base_fields:
                form.base_fields[name].disabled = source is not None
        form.by, form.source = request.user, source  # the class is made anew for each request
        return form

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except PermissionDenied:
            raise
        except ValidationError as error:  # a colleague was first, between the check and the writing
            messages.error(request, " ".join(error.messages))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def save_model(self, request: HttpRequest, obj: Opened, form: forms.ModelForm, change: bool) -> None:
        self.propose(obj, by=request.user)

    def propose(self, row: Opened, *, by: StaffUser) -> Opened:
        return opening.propose(row, by=by)

    def response_add(
        self, request: HttpRequest, obj: models.Model, post_url_continue: str | None = None
    ) -> HttpResponseRedirect:
        messages.success(request, gettext("Proposed. It takes effect when a second person approved it."))
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", obj.pk)

    # deciding

    def steps(self) -> tuple[Step, ...]:
        return tuple(step for step in STEPS if step.name not in self.without)

    def standing(self, row: Opened) -> models.Model | None:
        """What a proposal takes the place of, to compare it with."""
        return opening.standing(row)

    def compared(self, row: Opened) -> list[tuple[str, str, str, bool]]:
        """(name of the field, what is in force, what is proposed, whether they differ) of every proposed field."""
        old, told = self.standing(row), []
        for name in self.proposed:
            field = self.opts.get_field(name)
            before, after = (self.shown(of, field) if of else "" for of in (old, row))
            differs = bool(old) and before != after
            if name in LEGAL:
                before, after = cited(before), cited(after)
            told.append((label_for_field(name, self.model, self), before, after, differs))
        return told

    def shown(self, row: models.Model, field: models.Field) -> str:
        value = getattr(row, field.name)
        if isinstance(field, models.BooleanField):
            return gettext("yes") if value else gettext("no")
        return str(display_for_field(value, field, "–"))

    def change_url(self, row: Opened) -> str:
        """Where a change of what is in force is proposed."""
        return f"{reverse(f'admin:{self.opts.app_label}_{self.opts.model_name}_add')}?{OF}={row.pk}"

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context.get("original")
        if row is None:
            context["title"] = gettext("A proposal: %(what)s") % {"what": self.opts.verbose_name}
        else:
            steps = [step for step in self.steps() if step.may(row, by=request.user)]
            chip, words = state_of(row)
            address = f"admin:{self.opts.app_label}_{self.opts.model_name}"
            context.update(
                chip=chip,
                state=words,
                steps=[(step.label, reverse(f"{address}_step", args=[row.pk, step.name]), step.name) for step in steps],
                compared=self.compared(row) if row.in_force_during is None else None,
                replaces=row.in_force_during is None and self.standing(row) is not None,
                mine=row.in_force_during is None and row.proposed_by_id == request.user.pk,
                change_url=self.change_url(row) if opening.may_propose_closing(row, by=request.user) else "",
            )
        return super().render_change_form(request, context, *args, **kwargs)

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Approve, decline, end: one step of one row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = next((known for known in self.steps() if known.name == step), None)
        if found is None:
            raise Http404
        address = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        row = self.model.objects.filter(pk=pk).first()
        if row is None:
            messages.error(request, gettext("This proposal was declined meanwhile."))
            return redirect(f"{address}_changelist")
        try:
            found.act(row, by=request.user)
        except PermissionDenied:
            raise
        except ValidationError as error:
            if getattr(error, "code", "") == "permission":
                raise PermissionDenied(error.messages[0]) from error
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, str(found.said))
            if found.name == "decline":
                return redirect(f"{address}_changelist")
        return redirect(f"{address}_change", pk)
