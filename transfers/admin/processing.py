"""The officers' pages of the register of processing: as it is now, what differs from the signed one, signing, files."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from audit.admin import KeysetAdmin, ReadOnlyAdmin
from audit.spreadsheet import CONTENT_TYPE
from transfers import processing, processing_files
from transfers.models import ProcessingRegister

FILES = {"pdf": (processing_files.as_pdf, "application/pdf"), "xlsx": (processing_files.as_xlsx, CONTENT_TYPE)}


def _language() -> str:
    """Of the reader; the register is kept in Kazakh and Russian."""
    return "kk" if (get_language() or "").startswith("kk") else "ru"


@admin.register(ProcessingRegister)
class ProcessingRegisterAdmin(ReadOnlyAdmin, KeysetAdmin):
    change_list_template = "admin/transfers/processing_list.html"
    list_display = ("number", "at", "signatory", "digest")
    list_display_links = ("number",)
    list_select_related = ("user",)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("now/", wrap(require_safe(self.now_view)), name="transfers_processing"),
            path("sign/", wrap(require_POST(self.sign_view)), name="transfers_processing_sign"),
            path("now/<slug:language>.<slug:kind>", wrap(require_safe(self.now_file)), name="transfers_processing_now"),
            path(
                "<int:pk>/<slug:language>.<slug:kind>",
                wrap(require_safe(self.signed_file)),
                name="transfers_processing_file",
            ),
            *super().get_urls(),
        ]

    @admin.display(description=_("SHA-256 of the content"))
    def digest(self, row: ProcessingRegister) -> str:
        return f"{row.sha256[:16]}…"

    def _shown(
        self,
        request: HttpRequest,
        content: dict[str, Any],
        before: ProcessingRegister | None,
        *,
        title: str,
        row: ProcessingRegister | None = None,
    ) -> HttpResponse:
        language = _language()
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "original": row,
            "before": before,
            "content_language": language,
            "columns": processing.COLUMNS,
            "rows": [list(processing.cells(purpose, language).items()) for purpose in content["purposes"]],
            "countries": processing.countries(content, language),
            "measures": processing.measures(content, language),
            "differences": processing.differences(before.content, content, language) if before else [],
            "sha256": row.sha256 if row else processing.digest(content),
            "may_sign": row is None and request.user.has_perm(processing.SIGN),
            "languages": processing.LANGUAGES,
            "kinds": tuple(FILES),
        }
        return render(request, "admin/transfers/processing.html", context)

    def _may_look(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def now_view(self, request: HttpRequest) -> HttpResponse:
        """As the registers stand now, beside what was signed last; whoever may, signs it."""
        self._may_look(request)
        title = gettext("Register of processing, as it stands now")
        return self._shown(request, processing.build(), processing.last(), title=title)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """A signed one, word for word, beside the one before it."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        self._may_look(request)
        row = self._signed(object_id)
        before = ProcessingRegister.objects.filter(number__lt=row.number).order_by("-number").first()
        title = gettext("Register of processing № %(number)s") % {"number": row.number}
        return self._shown(request, row.content, before, title=title, row=row)

    @staticmethod
    def _signed(pk: str | int) -> ProcessingRegister:
        known = str(pk).isdecimal() and len(str(pk)) < 19
        return get_object_or_404(ProcessingRegister, pk=pk if known else 0)

    def sign_view(self, request: HttpRequest) -> HttpResponse:
        """Sign what was shown; when the registers changed meanwhile, nothing is signed."""
        self._may_look(request)
        if not request.user.has_perm(processing.SIGN):
            raise PermissionDenied
        try:
            row = processing.sign(by=request.user, sha256=request.POST.get("sha256", ""))
        except ValidationError as refused:
            messages.error(request, " ".join(refused.messages))
            return redirect("admin:transfers_processing")
        messages.success(request, gettext("The register № %(number)s is signed.") % {"number": row.number})
        return redirect("admin:transfers_processingregister_change", row.pk)

    def now_file(self, request: HttpRequest, language: str, kind: str) -> HttpResponse:
        """What stands now, marked as not signed."""
        self._may_look(request)
        return self._file(None, processing.build(), language, kind)

    def signed_file(self, request: HttpRequest, pk: int, language: str, kind: str) -> HttpResponse:
        """A signed one, the same bytes every time (PDF)."""
        self._may_look(request)
        row = self._signed(pk)
        return self._file(row, row.content, language, kind)

    @staticmethod
    def _file(row: ProcessingRegister | None, content: dict[str, Any], language: str, kind: str) -> HttpResponse:
        if language not in processing.LANGUAGES or kind not in FILES:
            raise Http404
        make, media_type = FILES[kind]
        name = f"processing-{row.number if row else 'now'}-{language}.{kind}"
        return HttpResponse(
            make(row, content, language),
            content_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
        )
