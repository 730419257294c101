"""Receipts of consents, the program that checks them and the public keys it needs (94-V art. 8)."""

from pathlib import Path
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from consent import receipts, signing, verify_receipt
from consent.models import ConsentEvent
from consent.receipt_pdf import pdf
from subjects import duplicates
from subjects.step_up import fresh_code_required
from subjects.views import subject_required

TYPES = {"json": "application/json", "pdf": "application/pdf"}
KEYS_FILE = "kelisim-keys.json"


def attachment(content: bytes | str, name: str, content_type: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def as_download(event: ConsentEvent, receipt: dict, ending: str) -> HttpResponse:
    """A signed receipt as a file. ending: of TYPES."""
    content = pdf(event, receipt) if ending == "pdf" else receipts.as_file(receipt)
    return attachment(content, receipts.file_name(event, ending), TYPES[ending])


def no_receipt(request: HttpRequest, error: receipts.Unprovable | signing.NoKey) -> HttpResponse:
    """409 where the proof does not hold, 503 where nothing can be signed yet; with a sentence."""
    if isinstance(error, signing.NoKey):
        return render(request, "public/no_receipt.html", {"sentence": _("Receipts cannot be signed yet.")}, status=503)
    return render(request, "public/no_receipt.html", {"sentence": error.messages[0]}, status=409)


@require_safe
@cache_control(public=True, max_age=300)
def keys(request: HttpRequest) -> HttpResponse:
    """Every public key that a receipt was ever signed with; anybody's page may read it."""
    return JsonResponse(
        signing.published(), json_dumps_params={"indent": 2}, headers={"Access-Control-Allow-Origin": "*"}
    )


@require_safe
def verifier(request: HttpRequest) -> HttpResponse:
    """The program that checks a receipt; a court has no cabinet, so anybody may take it."""
    program = Path(verify_receipt.__file__).read_bytes()
    return attachment(program, "verify_receipt.py", "text/x-python; charset=utf-8")


@subject_required
@require_http_methods(["GET", "HEAD", "POST"])  # POST: a code
@fresh_code_required(gettext_lazy("The receipt is a file with your data: it proves what you said."))
def receipt(request: HttpRequest, public_id: UUID, format: str) -> HttpResponse:
    """The person's own receipt; another person's is not there."""
    if request.method == "POST":
        return redirect(request.get_full_path())
    files = duplicates.files_at(request.subject, None)
    event = receipts.events_with_receipts().filter(subject__in=files, public_id=public_id).first()
    if event is None or format not in TYPES:
        raise Http404
    try:
        return as_download(event, receipts.receipt(event), format)
    except (receipts.Unprovable, signing.NoKey) as error:
        return no_receipt(request, error)
