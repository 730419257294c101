"""The administrators' pages: accounts, roles, undertakings, sign-ins, who has access to personal data."""

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, Prefetch, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HistoryAdmin, HouseAdmin, KeysetAdmin, ReadOnlyAdmin
from audit.names import actor_name
from audit.timeline import words
from staff import rules, services
from staff.access import access_list, what_opens
from staff.enums import Role
from staff.forms import AccountForm, RoleForm
from staff.models import Operator, RoleGrant, SignIn, StaffUser, Undertaking, UndertakingAcceptance
from staff.steps import STEPS

# groups are derived from role grants: nobody edits them
admin.site.unregister(Group)


class Undeletable(HouseAdmin):
    """What has a past is not deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(StaffUser)
class StaffUserAdmin(Undeletable):
    list_display = ("username", "position", "roles", "is_active")
    list_filter = ("is_active",)
    ordering = ("username",)
    search_fields = ("username",)
    search_help_text = _("A whole sign-in name")
    fields = ("username", "last_name", "first_name", "position", "email", "language", "date_joined")
    readonly_fields = ("username", "date_joined")
    change_form_template = "admin/staff/person.html"
    change_list_template = "admin/staff/people.html"

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("access/", wrap(self.access_view), name="staff_access"),
            path("<int:pk>/steps/<slug:step>/", wrap(self.step_view), name="staff_step"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffUser]:
        grants = RoleGrant.objects.in_force().select_related("granted_by").order_by("during")
        return super().get_queryset(request).prefetch_related(Prefetch("role_grants", grants, to_attr="grants"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        return (queryset.filter(username__iexact=term) if term else queryset), False

    @admin.display(description=_("roles"), empty_value="—")
    def roles(self, user: StaffUser) -> str:
        return ", ".join(grant.get_role_display() for grant in user.grants)

    def save_model(self, request: HttpRequest, obj: StaffUser, form: ModelForm, change: bool) -> None:
        services.change_account(user=obj, fields=form.changed_data or ["position"], by=request.user)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Open an account; its owner gets the link to set a password."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AccountForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                user, _link = services.create_staff(**form.cleaned_data, by=request.user)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, gettext("The account is open; a letter with a link is on its way."))
                return redirect("admin:staff_staffuser_change", user.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Open an account"),
            "opts": self.opts,
            "form": form,
            "roles": [(role.label, what_opens([role])) for role in Role],
        }
        return render(request, "admin/staff/add.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        user = self.get_object(request, object_id)
        extra = {}
        if user is not None and self.has_view_permission(request, user):
            accepted = UndertakingAcceptance.objects.filter(user=user).select_related("undertaking")
            extra = {
                "steps": [step for step in STEPS if step.may(user, by=request.user)],
                "grants": user.grants,
                "accepted": accepted.order_by("-undertaking__version").first(),
                "has_accepted": rules.has_accepted_undertaking(user),
                "last_tries": user.sign_ins.order_by("-pk")[:5],
            }
        return super().change_view(request, object_id, form_url, extra | (extra_context or {}))

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Say what will follow, then act."""
        user = get_object_or_404(StaffUser, pk=pk)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        known = {item.name: item for item in STEPS}
        if step not in known:
            raise Http404
        chosen = known[step]
        form = RoleForm(request.POST or None, roles=chosen.roles(user, by=request.user)) if chosen.roles else None
        if request.method == "POST" and (form is None or form.is_valid()):
            try:
                chosen.act(user, by=request.user, **(form.cleaned_data if form else {}))
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            else:
                messages.success(request, gettext("%(person)s: done.") % {"person": user})
            return redirect("admin:staff_staffuser_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{chosen.label}: {user}",
            "opts": self.opts,
            "original": user,
            "step": chosen,
            "form": form,
            "allowed": chosen.may(user, by=request.user),
        }
        return render(request, "admin/staff/step.html", context)

    def access_view(self, request: HttpRequest) -> HttpResponse:
        """Who has access to personal data, since when, on what ground (policy 5.4)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Who has access to personal data"),
            "opts": self.opts,
            "people": access_list(),
            "current": Undertaking.objects.current(),
        }
        return render(request, "admin/staff/access.html", context)


@admin.register(RoleGrant)
class RoleGrantAdmin(ReadOnlyAdmin, HistoryAdmin):
    list_display = ("user", "role", "period", "granted_by", "revoked_by")
    list_display_links = ("role",)
    list_filter = ("role",)
    list_select_related = ("user", "granted_by", "revoked_by")
    ordering = ("-pk",)
    allowed_lookups = ("user", "user__id")
    fields = ("user", "role", "period", "granted_by", "revoked_by")

    @admin.display(description=_("period"), ordering="during")
    def period(self, grant: RoleGrant) -> str:
        return words(grant.during)


@admin.register(Operator)
class OperatorAdmin(Undeletable):
    """Our organisation: one row, so the list is the row."""

    fields = (
        ("name_kk", "name_ru", "name_en"),
        "bin",
        ("address_kk", "address_ru", "address_en"),
        ("email", "phone"),
        ("responsible_person", "responsible_order"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Operator.objects.exists()

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        current = Operator.current()
        if current and self.has_view_or_change_permission(request):
            return redirect("admin:staff_operator_change", current.pk)
        return super().changelist_view(request, extra_context)


@admin.register(Undertaking)
class UndertakingAdmin(Undeletable):
    """Texts are added, never changed: somebody accepted them as they are (policy 4.3)."""

    list_display = ("__str__", "created_at")
    fields = (("text_kk", "text_ru"), "text_en")
    change_form_template = "admin/staff/undertaking.html"

    def get_fields(self, request: HttpRequest, obj: Undertaking | None = None) -> tuple:
        return ("version", "created_at", *self.fields) if obj else self.fields

    def has_change_permission(self, request: HttpRequest, obj: Undertaking | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Undertaking, form: ModelForm, change: bool) -> None:
        published = services.publish_undertaking(**form.cleaned_data, by=request.user)
        obj.pk, obj.version = published.pk, published.version


@admin.register(UndertakingAcceptance)
class UndertakingAcceptanceAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("at", "user", "undertaking", "language")
    list_display_links = ("at",)
    list_filter = ("language",)
    list_select_related = ("user", "undertaking")
    allowed_lookups = ("user", "user__id", "undertaking", "undertaking__id")
    fields = ("at", "user", "undertaking", "language", "sha256", "request_id")


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin, KeysetAdmin):
    list_display = ("at", "who", "outcome", "address", "by")
    list_display_links = ("at",)
    list_filter = ("outcome",)
    list_select_related = ("who", "user")
    allowed_lookups = ("who", "who__id", "at__gte", "at__lt")
    fields = ("at", "who", "outcome", "address", "agent", "by", "request_id")

    @admin.display(description=_("done by"))
    def by(self, row: SignIn) -> str:
        return actor_name(row.actor, row.user)


# the admin looks for its pages here
from staff import api_admin  # noqa: E402, F401
