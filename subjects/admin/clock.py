"""The law clock for officers: terms opened by two, the calendar of working days, "when is it due" counted out."""

import calendar
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.dates import MONTHS, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from audit.admin import HistoryAdmin, KeysetAdmin, ReadOnlyAdmin
from staff.citations import cited
from staff.models import StaffUser
from staff.opened_admin import OpenedAdmin
from staff.opening import Overtaken
from staff.rules import NotAllowed
from subjects import calendar_days, clock, request_queues
from subjects.admin.steps import known
from subjects.clock_models import CalendarDay, DayKind, Deadline, DutyRule, PauseReason, Unit
from subjects.free_text import refuse_personal_data

# moving deadlines that one page lists, and days it counts out
SHOWN = 100
FAR = 10


def _date_input() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class DueForm(forms.Form):
    """A term and the moment it runs from."""

    rule = forms.ModelChoiceField(label=_("Term of the law"), queryset=DutyRule.objects.none())
    at = forms.DateTimeField(
        label=_("What it runs from happened at"),
        help_text=_("The day and time in Kazakhstan, as received, not as registered."),
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rule"].queryset = DutyRule.objects.in_force().order_by("code")
        self.fields["rule"].label_from_instance = lambda row: f"{row.code}: {row.title}"


class ChangeForm(forms.Form):
    """A day that becomes off or working, and the one that is given for it."""

    day = forms.DateField(label=_("Day"), widget=_date_input())
    kind = forms.ChoiceField(label=_("It becomes"), choices=DayKind)
    exchange = forms.DateField(
        label=_("Day given for it"),
        help_text=_("A day that becomes the opposite, when the Government moved one for the other."),
        required=False,
        widget=_date_input(),
    )
    title_kk = forms.CharField(label=_("Name in Kazakh"), max_length=200, validators=[refuse_personal_data])
    title_ru = forms.CharField(label=_("Name in Russian"), max_length=200, validators=[refuse_personal_data])
    title_en = forms.CharField(
        label=_("Name in English"), max_length=200, required=False, validators=[refuse_personal_data]
    )
    source = forms.CharField(
        label=_("Source"),
        max_length=200,
        help_text=_("The act that says so: its kind, number and date."),
        validators=[refuse_personal_data],
    )
    estimated = forms.BooleanField(label=_("Estimated: the act is still to come"), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if given.get("day") and given.get("day") == given.get("exchange"):
            self.add_error("exchange", _("A day is not given for itself."))
        return given

    def kinds(self) -> dict[date, str]:
        """{day: its kind} of what was typed."""
        told = {self.cleaned_data["day"]: self.cleaned_data["kind"]}
        if other := self.cleaned_data["exchange"]:
            told[other] = DayKind.OFF if self.cleaned_data["kind"] == DayKind.WORKING else DayKind.WORKING
        return told


@admin.register(DutyRule)
class DutyRuleAdmin(OpenedAdmin):
    change_list_template = "admin/subjects/duty_list.html"
    list_display = ("code", "title", "term", "trigger", "reference", "counsel", "state_now")
    list_filter = (*OpenedAdmin.list_filter, "unit")
    proposed = (
        "code", "title_kk", "title_ru", "title_en", "article", "amount", "unit", "trigger", "may_pause_for",
        "confirmed_by_counsel",
    )  # fmt: skip
    empty = _("No terms yet: “manage.py load_registers” brings those of the law.")

    @admin.display(description=_("term"))
    def term(self, row: DutyRule) -> str:
        return f"{row.amount} · {row.get_unit_display()}"

    @admin.display(description=_("legal reference"))
    def reference(self, row: DutyRule) -> str:
        return cited(row.article)

    @admin.display(description=_("counsel"))
    def counsel(self, row: DutyRule) -> str:
        return gettext("confirmed") if row.confirmed_by_counsel else gettext("not confirmed by counsel")

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field:
        if db_field.name == "may_pause_for":
            return forms.MultipleChoiceField(
                label=db_field.verbose_name,
                choices=PauseReason,
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def shown(self, row: models.Model, field: models.Field) -> str:
        if field.name == "may_pause_for":
            return ", ".join(str(PauseReason(reason).label) for reason in row.may_pause_for) or "–"
        return super().shown(row, field)

    def get_urls(self) -> list:
        return [path("due/", self.admin_site.admin_view(self.due_view), name="subjects_due"), *super().get_urls()]

    def due_view(self, request: HttpRequest) -> HttpResponse:
        """When a duty is due, with the days counted out so that a person can check. Writes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = bool(request.GET)
        form = DueForm(request.GET if asked else None, initial={"at": timezone.localtime()})
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("When is it due?"),
            "opts": self.opts,
            "form": form,
        }
        if asked and form.is_valid():
            rule, at = form.cleaned_data["rule"], form.cleaned_data["at"]
            try:
                context |= _counted_out(rule, at)
            except ValidationError as error:
                form.add_error("at", error)
            except OverflowError:
                form.add_error("at", gettext("This is too far away to be counted from."))
        return render(request, "admin/subjects/due.html", context, status=422 if form.errors else 200)


def _counted_out(rule: DutyRule, at: datetime) -> dict[str, Any]:
    """The answer and the days between: (day, its weekday, its number or "", why it is not counted)."""
    days = calendar_days.days()
    due = clock.due(rule, at, days=days)
    found: dict[str, Any] = {"rule": rule, "due": due, "hours": rule.unit == Unit.HOUR, "days": []}
    if found["hours"]:
        return found
    first, last = clock.local_day(at), clock.local_day(due)
    names = {row.day: row for row in CalendarDay.objects.filter(day__range=(first, last))}
    number = 0
    for step in range(1, (last - first).days + 1):
        day = first + timedelta(days=step)
        counts = days.is_working(day) if rule.unit == Unit.WORKING_DAY else number < rule.amount
        number += counts
        why = ""
        if not days.is_working(day):
            why = names[day].title if day in names else gettext("weekend")
        elif day in names:
            why = names[day].title
        found["days"].append((day, WEEKDAYS[day.weekday()], number if counts else "", why))
    found["more"] = max(0, len(found["days"]) - SHOWN)
    found["days"] = found["days"][:SHOWN]
    return found


@admin.register(CalendarDay)
class CalendarDayAdmin(ReadOnlyAdmin, HistoryAdmin):
    change_list_template = "admin/subjects/calendar_list.html"
    list_display = ("day", "kind", "title", "source", "estimated")
    list_filter = ("kind", "estimated")
    fields = ("day", "kind", "title_kk", "title_ru", "title_en", "source", "estimated")
    ordering = ("-day",)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("year/<int:year>/", wrap(self.year_view), name="subjects_calendar"),
            path("days/", wrap(self.days_view), name="subjects_calendar_change"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        extra = {"year": timezone.localdate().year, "missing": calendar_days.missing()}
        return super().changelist_view(request, extra | (extra_context or {}))

    def year_view(self, request: HttpRequest, year: int) -> HttpResponse:
        """Twelve small months, to be read and printed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        this = timezone.localdate().year
        if abs(year - this) > FAR:
            raise Http404
        days = calendar_days.days()
        named = {row.day: row for row in CalendarDay.objects.filter(day__year=year)}
        there = year in days.years
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Working days of %(year)s") % {"year": year},
            "opts": self.opts,
            "year": year,
            "there": there,
            "months": [_month(year, month, days, named) for month in range(1, 13)] if there else [],
            "weekdays": [(WEEKDAYS_ABBR[n], WEEKDAYS[n]) for n in range(7)],
            "count": days.count(date(year, 1, 1), date(year, 12, 31)) + days.is_working(date(year, 1, 1))
            if there
            else 0,
            "differences": calendar_days.differences(year) if there else [],
            "before": year - 1 if year - 1 in days.years else None,
            "after": year + 1 if year + 1 in days.years or year + 1 == this + 1 else None,
            "may_change": request.user.has_perm("subjects.change_calendarday"),
        }
        return render(request, "admin/subjects/calendar.html", context)

    def days_view(self, request: HttpRequest) -> HttpResponse:
        """Type a change, see which deadlines it moves, confirm it."""
        if not request.user.has_perm("subjects.change_calendarday"):
            raise PermissionDenied
        asked = request.GET.get("day", "")[:10]
        row = CalendarDay.objects.filter(day=asked).first() if _is_day(asked) else None
        names = ("title_kk", "title_ru", "title_en")
        initial = {"day": asked, **({name: getattr(row, name) for name in (*names, "kind")} if row else {})}
        form = ChangeForm(request.POST if request.method == "POST" else None, initial=initial)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Change days of the calendar"),
            "opts": self.opts,
            "form": form,
        }
        if form.is_valid():
            try:
                if "seen" in request.POST and (answer := self._changed(request, form)):
                    return answer
                context |= self._preview(form, by=request.user)
            except Overtaken as error:
                messages.warning(request, error.messages[0])
                context |= self._preview(form, by=request.user)
            except NotAllowed as error:
                raise PermissionDenied(error.messages[0]) from error
            except ValidationError as error:
                form.add_error(None, known(form, error=error) if hasattr(error, "error_dict") else error)
        return render(request, "admin/subjects/calendar_change.html", context, status=422 if form.errors else 200)

    def _preview(self, form: ChangeForm, *, by: StaffUser) -> dict[str, Any]:
        kinds = form.kinds()
        have = calendar_days.covered()
        for day in kinds:
            if day.year not in have:
                raise clock.CalendarMissing(day.year)
        found = calendar_days.moves(kinds)
        moving = found.rows(SHOWN)
        rows = Deadline.objects.filter(pk__in=[row.pk for row, _then in moving])
        told = set(request_queues.without_hidden(rows, by=by).values_list("pk", flat=True))
        return {
            "preview": True,
            "kinds": [(day, WEEKDAYS[day.weekday()], DayKind(kind).label) for day, kind in sorted(kinds.items())],
            "count": found.count,
            "moving": [(row, then) for row, then in moving if row.pk in told],
            "more": max(0, found.count - SHOWN),
            "seen": calendar_days.mark(kinds, found),
        }

    def _changed(self, request: HttpRequest, form: ChangeForm) -> HttpResponse:
        given = form.cleaned_data
        count = calendar_days.change(
            kinds=form.kinds(),
            names=(given["title_kk"], given["title_ru"], given["title_en"]),
            source=given["source"],
            estimated=given["estimated"],
            seen=request.POST["seen"],
            by=request.user,
        )
        said = ngettext(
            "The calendar was changed; %(count)s deadline moved.",
            "The calendar was changed; %(count)s deadlines moved.",
            count,
        )
        messages.success(request, said % {"count": count})
        return redirect("admin:subjects_calendar", given["day"].year)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _month(year: int, month: int, days: clock.Days, named: dict[date, CalendarDay]) -> dict[str, Any]:
    weeks = []
    for week in calendar.Calendar().monthdatescalendar(year, month):
        weeks.append(
            [
                {
                    "number": day.day if day.month == month else "",
                    "off": day.month == month and not days.is_working(day),
                    "worked": day.month == month and day in days.working,
                    "named": named.get(day) if day.month == month else None,
                }
                for day in week
            ]
        )
    return {
        "name": MONTHS[month],
        "weeks": weeks,
        "named": [row for day, row in sorted(named.items()) if day.month == month],
    }


@admin.register(Deadline)
class DeadlineAdmin(ReadOnlyAdmin, KeysetAdmin, HistoryAdmin):
    list_display = ("number", "about", "rule", "started_at", "due_at", "state")
    list_display_links = ("number",)
    list_select_related = ("rule",)
    allowed_lookups = ("about",)
    fields = (
        "about", "rule", "started_at", "counted_from", "amount", "due_at", "reckoned_at", "paused_at", "pause_reason",
        "met_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return request_queues.without_hidden(super().get_queryset(request), by=request.user)

    @admin.display(description=_("number"))
    def number(self, row: Deadline) -> str:
        return str(row)

    @admin.display(description=_("state"))
    def state(self, row: Deadline) -> str:
        if row.met_at is not None:
            return pgettext("deadline", "met") if row.met_at <= row.due_at else pgettext("deadline", "met late")
        if row.paused_at is not None:
            return pgettext("deadline", "paused")
        return pgettext("deadline", "overdue") if row.is_overdue() else pgettext("deadline", "runs")
