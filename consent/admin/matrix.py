"""The matrix as one screen: what is in force, what is proposed beside it, what is wrong with it (policy 3.2)."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from audit import spreadsheet
from consent import matrix, register_services
from consent.enums import Necessity
from consent.matrix import EMPTY, Cell, Gap, Matrix
from consent.models import Purpose

PREFIX = "c-"


def packed(of: Matrix) -> str:
    """The marks of all cells that are not empty, for a hidden field."""
    return " ".join(f"{name}={cell.mark}" for name, cell in of.cells().items() if cell.mark != EMPTY)


def unpacked(text: str) -> dict[str, str]:
    """{name of the cell: its mark}, of what `packed` wrote; what is no mark is left out."""
    return {name: mark for name, sign, mark in (part.partition("=") for part in text.split()) if sign and ":" in mark}


def _change(cell: Cell, request: HttpRequest) -> dict:
    row = cell.waiting or cell.now
    who = cell.waiting.proposed_by if cell.waiting else cell.now.closing_proposed_by
    mine = who.pk == request.user.pk
    return {
        "cell": cell,
        "row": row,
        "who": who,
        "mine": mine,
        "old": matrix.word(cell.value),
        "new": matrix.word(cell.proposed),
    }


class MatrixPages:
    """The addresses of this page, for the admin of the matrix's cells."""

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("matrix/", wrap(self.matrix_view), name="consent_matrix"),
            path("matrix/decide/", wrap(require_POST(self.decide_view)), name="consent_matrix_decide"),
            path("matrix.xlsx", wrap(self.xlsx_view), name="consent_matrix_xlsx"),
            path("matrix.json", wrap(self.json_view), name="consent_matrix_json"),
            *super().get_urls(),
        ]

    def _check_may_look(self, request: HttpRequest) -> None:
        if not request.user.has_perm("consent.view_purposecategory"):
            raise PermissionDenied

    def matrix_view(self, request: HttpRequest) -> HttpResponse:
        """Look at the matrix; propose changes of any number of cells at once."""
        self._check_may_look(request)
        typed: dict[str, str] = {}
        errors: list[str] = []
        if request.method == "POST":
            if not request.user.has_perm("consent.add_purposecategory"):
                raise PermissionDenied
            typed = {k.removeprefix(PREFIX): v for k, v in request.POST.items() if k.startswith(PREFIX)}
            seen = unpacked(request.POST.get("seen", ""))
            try:
                count = register_services.propose_cells(values=typed, seen=seen, by=request.user)
            except ValidationError as error:
                errors = error.messages
                if isinstance(error, register_services.CellsChanged):
                    errors += [f"{cell.purpose} × {cell.category}: {matrix.word(cell.value)}" for cell in error.cells]
                # only what this officer changed is put back into the page; the rest is as it stands now
                typed = {k: v for k, v in typed.items() if v != seen.get(k, EMPTY).partition(":")[0]}
            else:
                said = ngettext(
                    "%(count)s change was proposed; it takes effect when a second person approved it.",
                    "%(count)s changes were proposed; they take effect when a second person approved them.",
                    count,
                )
                messages.success(request, said % {"count": count} if count else gettext("Nothing was changed."))
                return redirect("admin:consent_matrix")
        return self._page(request, typed, errors)

    def _page(self, request: HttpRequest, typed: dict[str, str], errors: list[str]) -> HttpResponse:
        found = matrix.build()
        may_propose = request.user.has_perm("consent.add_purposecategory")
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Which purpose needs which data"),
            "opts": self.opts,
            "matrix": found,
            "rows": [
                (
                    row,
                    [(matrix.sentence(gap, row.unsaid), self._mending(gap, row.purpose)) for gap in row.gaps],
                    [(cell, typed.get(cell.name, cell.value), matrix.word(cell.proposed)) for cell in row.cells],
                )
                for row in found.rows
            ],
            "excess": matrix.sentence(Gap.EXCESS),
            "changes": [_change(cell, request) for cell in found.waiting()],
            "necessities": Necessity.choices,
            "seen": packed(found),
            "prefix": PREFIX,
            "may_propose": may_propose,
            "may_approve": request.user.has_perm("consent.approve_purposecategory"),
            "errors": errors,
        }
        return render(request, "admin/consent/matrix.html", context, status=409 if errors else 200)

    def _mending(self, gap: Gap, purpose: Purpose) -> str:
        """The address of the screen that mends a gap; "" when it is mended in the row itself."""
        match gap:
            case Gap.NO_CLAUSE:
                return reverse("admin:consent_clauses_of_purpose", args=[purpose.pk])
            case Gap.OPEN_ENDED:
                return reverse("admin:consent_purpose_change", args=[purpose.pk])
        return ""

    def xlsx_view(self, request: HttpRequest) -> HttpResponse:
        """The matrix, its gaps and proposals as a workbook."""
        self._check_may_look(request)
        name = f"matrix-{timezone.localdate().isoformat()}.xlsx"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        data = spreadsheet.workbook(matrix.sheets(matrix.build()))
        return HttpResponse(data, content_type=spreadsheet.CONTENT_TYPE, headers=headers)

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """Approve or decline the chosen changes, all or none of them."""
        self._check_may_look(request)
        if not request.user.has_perms(["consent.approve_purposecategory"]):
            raise PermissionDenied
        names, approve = request.POST.getlist("cell"), "approve" in request.POST
        try:
            count = register_services.decide(names=names, approve=approve, by=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            if not names:
                messages.warning(request, gettext("Choose the changes first."))
            elif approve:
                done = ngettext("%(count)s change is in force.", "%(count)s changes are in force.", count)
                messages.success(request, done % {"count": count})
            else:
                done = ngettext("%(count)s change was declined.", "%(count)s changes were declined.", count)
                messages.success(request, done % {"count": count})
        return redirect("admin:consent_matrix")

    def json_view(self, request: HttpRequest) -> HttpResponse:
        """The matrix and its gaps as a file."""
        self._check_may_look(request)
        response = JsonResponse(matrix.as_json(matrix.build()), json_dumps_params={"ensure_ascii": False, "indent": 1})
        response["Content-Disposition"] = 'attachment; filename="matrix.json"'
        return response
