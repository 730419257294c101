"""Requests of people for officers: the queue by deadline, one request on a page, a page a step (94-V art. 24, 25)."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit.admin import HistoryAdmin, KeysetAdmin, ReadOnlyAdmin
from audit.changelist import KeysetChangeList
from subjects import (
    corrections,
    deadlines,
    request_answers,
    request_files,
    request_queues,
    request_targets,
    request_timeline,
    request_words,
)
from subjects import request_forms as forms
from subjects import request_rules as rules
from subjects import request_services as services
from subjects.admin.people import located
from subjects.admin.request_steps import BY_NAME, STEPS, Step, reasons_to_pause
from subjects.admin.steps import known
from subjects.models import RequestFile, RequestItem, SubjectRequest
from subjects.requests import RequestKind, RequestState

QUEUE = "queue"
QUEUES = [
    ("open", pgettext_lazy("queue", "open")),
    ("mine", pgettext_lazy("queue", "mine")),
    ("overdue", pgettext_lazy("queue", "overdue")),
    ("today", pgettext_lazy("queue", "due today")),
    ("soon", pgettext_lazy("queue", "due soon")),
    ("nobody", pgettext_lazy("queue", "nobody's yet")),
    ("unknown", pgettext_lazy("queue", "not known who asks")),
    ("second", pgettext_lazy("queue", "waits for a second person")),
]
CHIPS = {
    RequestState.FULFILLED: "allowed",
    RequestState.REJECTED: "refused",
    RequestState.UNFULFILLED: "neutral",
    RequestState.REQUIRES_ACTION: "waiting",
}


def state_chip(row: SubjectRequest) -> SafeString:
    """The state of a request as a chip."""
    chip = {"state": CHIPS.get(row.state, "accent"), "label": row.state_words}
    return render_to_string("_parts/status_chip.html", chip)


def due_chip(due: request_queues.Due | None) -> SafeString | str:
    """Until when it must be answered, as a chip; a clock that is paused says so."""
    if due is None:
        return ""
    if due.paused:
        label = {"state": "neutral", "icon": "waiting", "label": gettext("the clock is paused")}
        return render_to_string("_parts/status_chip.html", label)
    return render_to_string("_parts/deadline_chip.html", {"days": due.days, "until": due.until})


class Queue(admin.SimpleListFilter):
    title, parameter_name = _("queue"), QUEUE

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return QUEUES

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        known_names = {name for name, _label in QUEUES}
        return (
            request_queues.queue(self.value(), queryset, by=request.user) if self.value() in known_names else queryset
        )


class Asked(admin.SimpleListFilter):
    title, parameter_name = _("what is asked"), "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return RequestKind.choices

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        return queryset.filter(kinds__contains=[self.value()]) if self.value() in RequestKind.values else queryset


class RequestList(KeysetChangeList):
    """A queue is short and read by deadline, the first that ends on top; the whole register is paged by number."""

    queue_cut = False

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet) -> list:
        return [] if QUEUE in request.GET else super().get_ordering(request, queryset)

    def get_queryset(self, request: HttpRequest, **kwargs: Any) -> models.QuerySet:
        rows = super().get_queryset(request, **kwargs)
        return request_queues.with_due(rows) if QUEUE in request.GET else rows

    def get_results(self, request: HttpRequest) -> None:
        if QUEUE in request.GET:
            self.list_per_page = self.model_admin.queue_length
        super().get_results(request)
        if QUEUE in request.GET:
            self.queue_cut, self.older = self.older is not None, None
        due = request_queues.due_of(self.result_list)
        for row in self.result_list:
            row.due = due.get(row.pk)


@admin.register(SubjectRequest)
class SubjectRequestAdmin(ReadOnlyAdmin, KeysetAdmin, HistoryAdmin):
    list_display = ("number", "due", "state_now", "what", "subject", "assignee")
    list_display_links = ("number",)
    list_filter = (Queue, "state", Asked, "channel")
    list_select_related = ("subject", "assignee")
    allowed_lookups = ("subject", "subject__id", "assignee", "assignee__id")
    change_list_template = "admin/subjects/requests.html"
    queue_length = 200

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request).defer("sealed_text", "sealed_value", "sealed_answer")
        return rows.seen_by(request.user)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[RequestList]:
        return RequestList

    @admin.display(description=_("number and day of receipt"))
    def number(self, row: SubjectRequest) -> str:
        day = date_format(timezone.localtime(row.received_at), "SHORT_DATE_FORMAT")
        return format_html('{}<br><small class="quiet">{}</small>', row, day)

    @admin.display(description=pgettext_lazy("deadline", "due"))
    def due(self, row: SubjectRequest) -> str:
        return due_chip(row.due) or "—"

    @admin.display(description=_("state"))
    def state_now(self, row: SubjectRequest) -> str:
        return state_chip(row)

    @admin.display(description=_("what is asked"))
    def what(self, row: SubjectRequest) -> str:
        return "; ".join(row.asked)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm("subjects.add_subjectrequest")

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/step/<slug:step>/", wrap(self.step_view), name="subjects_request_step"),
            path("<int:pk>/work/<int:item_pk>/", wrap(self.item_view), name="subjects_request_item"),
            path("<int:pk>/words/", wrap(require_POST(self.words_view)), name="subjects_request_words"),
            path("<int:pk>/file/<int:file_pk>/", wrap(require_POST(self.file_view)), name="subjects_request_file"),
            path("<int:pk>/answer.pdf", wrap(require_POST(self.pdf_view)), name="subjects_request_pdf"),
            *super().get_urls(),
        ]

    def _locate(self, request: HttpRequest, pk: int | str) -> SubjectRequest:
        rows = SubjectRequest.objects.seen_by(request.user).select_related(
            "subject", "category", "representative__representative", "representative__document", "assignee",
            "identified_by", "decided_by", "approved_by",
        )  # fmt: skip
        row = located(rows, pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def _context(self, request: HttpRequest, row: SubjectRequest | None, title: str, **more: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "original": row,
            "row": row,
            **more,
        }

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Write down a request that came by post, e-mail, telephone, an authority or at the counter."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form = forms.RegisterForm(data, by=request.user, initial={"subject": request.GET.get("subject", "")[:20]})
        if form.is_valid():
            try:
                row = services.register(by=request.user, **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, known(form, error=error) if hasattr(error, "error_dict") else error)
            else:
                messages.success(request, gettext("The request is registered: %(number)s.") % {"number": row})
                return redirect("admin:subjects_subjectrequest_change", row.pk)
        title, label = gettext("Register a request"), pgettext("act", "Register")
        context = self._context(request, None, title, form=form, label=label)
        return render(request, "admin/subjects/add.html", context, status=422 if form.errors else 200)

    def _page(self, request: HttpRequest, row: SubjectRequest, *, words: list | None = None) -> HttpResponse:
        by = request.user
        items = list(row.items.select_related("system", "done_by").order_by("pk"))
        context = self._context(
            request,
            row,
            str(row),
            state=state_chip(row),
            asked=[(what, row.ground_of(kind)) for kind, what in zip(row.kinds, row.asked, strict=True)],
            due=due_chip(request_queues.due_of([row]).get(row.pk)),
            clocks=deadlines.of(row.about).select_related("rule").order_by("due_at"),
            steps=[step for step in STEPS if rules.may(step.check, row, by=by)],
            items=items,
            left=sum(item.done_at is None for item in items),
            may_work=rules.may(rules.check_may_work, row, by=by),
            files=RequestFile.objects.filter(subject_request=row).select_related("user").defer("sealed").order_by("pk"),
            plan=row.plan.select_related("category"),
            repeats=SubjectRequest.objects.seen_by(by).filter(pk=row.duplicate_of_id).first(),
            duplicates=row.duplicates.seen_by(by),
            timeline=request_timeline.for_officer(row),
            may_read=row.subject_id is not None and rules.may(rules.check_may_read, row, by=by),
            may_print=row.has_kept_answer and rules.may(rules.check_may_read, row, by=by),
            words=[(request_timeline.PLACES[one.what], one) for one in words] if words is not None else None,
        )
        return render(request, "admin/subjects/request.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One request: where it stands, until when, what is to be done, what happened; its words stay sealed."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self._page(request, self._locate(request, object_id))

    def words_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same page with what is kept in words, opened; each look is recorded first."""
        row = self._locate(request, pk)
        try:
            words = request_words.read(request=row, by=request.user)
        except (ValidationError, PermissionDenied) as error:
            return self._refused(request, error)
        return self._page(request, row, words=words)

    def file_view(self, request: HttpRequest, pk: int, file_pk: int) -> HttpResponse:
        row = self._locate(request, pk)
        file = get_object_or_404(
            RequestFile.objects.select_related("subject_request__subject"), pk=file_pk, subject_request=row
        )
        try:
            content = request_files.open_file(file=file, by=request.user)
        except (ValidationError, PermissionDenied) as error:
            return self._refused(request, error)
        return download(content, request_files.name_of(file), file.media_type)

    def pdf_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The answer on paper, for who comes to the office; opening it is recorded."""
        row = self._locate(request, pk)
        if not row.has_kept_answer:
            raise PermissionDenied
        try:
            words = {one.what: one.text for one in request_words.read(request=row, by=request.user)}
        except (ValidationError, PermissionDenied) as error:
            return self._refused(request, error)
        return download(request_answers.pdf(row, words[request_words.ANSWER]), f"{row}.pdf", "application/pdf")

    def _refused(self, request: HttpRequest, error: Exception) -> HttpResponse:
        sentence = error.messages[0] if isinstance(error, ValidationError) else str(error)
        return render(request, "403.html", {"sentence": sentence}, status=403)

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """What the step asks for, then the step; an answer is shown before it goes."""
        row, this = self._locate(request, pk), BY_NAME.get(step)
        if this is None:
            raise PermissionDenied
        try:
            this.check(row, by=request.user)
        except ValidationError as error:
            if getattr(error, "code", "") == "permission":
                return self._refused(request, error)
            messages.error(request, error.messages[0])
            return redirect("admin:subjects_subjectrequest_change", pk)
        form = self._step_form(request, row, this)
        preview = ""
        if request.method == "POST" and form.is_valid():
            if this.name == "answer" and "send" not in request.POST:
                preview = request_answers.said(row, form.cleaned_data.get("text", ""))
            else:
                try:
                    with transaction.atomic():
                        this.act(row, request.user, form.cleaned_data)
                except ValidationError as error:
                    form.add_error(None, known(form, error=error) if hasattr(error, "error_dict") else error)
                else:
                    messages.success(request, gettext("Done."))
                    return redirect("admin:subjects_subjectrequest_change", pk)
        context = self._context(
            request, row, f"{row}: {this.label}", form=form, step=this, preview=preview,
            consequences=self._consequences(row, this),
            back=reverse("admin:subjects_subjectrequest_change", args=[pk]),
        )  # fmt: skip
        return render(request, "admin/subjects/request_step.html", context, status=422 if form.errors else 200)

    def _step_form(self, request: HttpRequest, row: SubjectRequest, step: Step) -> forms.StepForm:
        given: dict[str, Any] = {"row": row, "by": request.user}
        if step.name == "pause":
            given["reasons"] = reasons_to_pause(row)
        if step.name == "answer":
            given["initial"] = {"text": request_answers.proposed(row)}
        if request.method == "POST":
            return step.form(request.POST, request.FILES, **given)
        return step.form(**given)

    def _consequences(self, row: SubjectRequest, step: Step) -> list[str]:
        said = [str(step.help)] if step.help else []
        if step.name == "approve" and row.refusing:
            said.append(gettext("The refusal goes to the person: %(reason)s.") % {"reason": row.refused_words})
        elif step.name == "approve" and row.refusals:
            granted = "; ".join(str(RequestKind(kind).label) for kind in row.granted)
            said.append(gettext("Carried out at once: %(what)s.") % {"what": granted})
            said.append(gettext("Refused, as the answer will say: %(what)s.") % {"what": row.refused_words})
        if step.name == "approve" and row.closing:
            said.append(gettext("It is closed without an answer: %(reason)s.") % {"reason": row.get_closing_display()})
            return said
        if step.name in ("approve", "grant") and RequestKind.DESTROY in row.granted:
            said.append(
                gettext("The use of the data stops, and until when the law keeps them is written down and told.")
            )
        return said

    def _where(self, row: SubjectRequest, item: RequestItem) -> list[str]:
        """The page where what a granted request leaves alone is done: a value put right, a decision looked at again."""
        if item.kind == RequestKind.HUMAN_REVIEW:
            rows = request_targets.to_look_at_again(row).filter(reviewed_at=None)
            words, name = gettext("Look again at the decision:"), "admin:subjects_automateddecision_change"
            return [
                format_html('{} <a href="{}">{}</a>', words, reverse(name, args=[one.pk]), one.number) for one in rows
            ]
        if item.kind != RequestKind.CORRECT:
            return []
        category, person = row.category and row.category.code, row.subject
        if category not in corrections.OWN_PAGES or person is None:
            return []
        place, label = reverse("admin:subjects_datasubject_change", args=[person.pk]), str(person)
        if category == "iin":
            place, label = f"{reverse('admin:subjects_iincorrection_add')}?subject={person}", gettext("Propose the IIN")
        return [format_html('{} <a href="{}">{}</a>', corrections.OWN_PAGES[category], place, label)]

    def item_view(self, request: HttpRequest, pk: int, item_pk: int) -> HttpResponse:
        """Work for a request is done: what was done, and what shows it."""
        row = self._locate(request, pk)
        item = get_object_or_404(
            RequestItem.objects.select_related("subject_request", "system"), pk=item_pk, subject_request=row
        )
        try:
            rules.check_may_work(row, by=request.user)
        except ValidationError as error:
            return self._refused(request, error)
        data = (request.POST, request.FILES) if request.method == "POST" else ()
        form = forms.ItemForm(*data, row=row, by=request.user)
        if data and form.is_valid():
            given = form.cleaned_data
            try:
                with transaction.atomic():
                    if given["file"] is not None:
                        kind = RequestFile.Kind.WORK
                        request_files.attach(request=row, kind=kind, content=given["file"], by=request.user, item=item)
                    services.finish_item(item=item, by=request.user, comment=given["comment"])
            except ValidationError as error:
                form.add_error(None, known(form, error=error) if hasattr(error, "error_dict") else error)
            else:
                messages.success(request, gettext("Done."))
                return redirect("admin:subjects_subjectrequest_change", pk)
        said = self._where(row, item) if item.system_id is None else []
        title = f"{row}: {item.get_kind_display()}"
        context = self._context(
            request, row, f"{title} ({item.system})" if item.system_id else title, form=form, step=None, preview="",
            label=gettext("The work is done"), consequences=said,
            back=reverse("admin:subjects_subjectrequest_change", args=[pk]),
        )  # fmt: skip
        return render(request, "admin/subjects/request_step.html", context, status=422 if form.errors else 200)


def download(content: bytes, name: str, media_type: str) -> HttpResponse:
    """A file that is kept by nobody on the way."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=media_type, headers=headers)
