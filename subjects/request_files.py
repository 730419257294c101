"""Files of a request: sealed with the person's evidence key, opened one at a time, each look recorded."""

import base64
import hashlib

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.models import AccessRecord
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import evidence, subject_file, vault, vault_out
from subjects import request_rules as rules
from subjects.enums import Disclosure
from subjects.files import ENDINGS, media_type
from subjects.models import DataSubject
from subjects.request_parts import RequestFile, RequestItem
from subjects.requests import SubjectRequest

WHAT = "subjects.request_file"
OF_PERSON = (RequestFile.Kind.EVIDENCE, RequestFile.Kind.POWER)
# of those: a request is a page and a few papers, not an archive; what we answer and show of our work always has room
MOST_FILES = 10


@transaction.atomic
def attach(
    *,
    request: SubjectRequest,
    kind: str,
    content: bytes,
    by: StaffUser | None = None,
    item: RequestItem | None = None,
) -> RequestFile:
    """Keep a file of the request, sealed; the same content again is the same file. by: None for the person.

    Raises NotAllowed, ValidationError: it is no PDF, JPEG or PNG, it is too big, there are too many.
    """
    row = SubjectRequest.objects.select_for_update(of=("self",)).select_related("subject").get(pk=request.pk)
    rules.check_may_attach(row, by=by)
    if by is None and kind not in OF_PERSON:
        raise ValidationError({"kind": _("This is not one of: %(allowed)s.") % {"allowed": ", ".join(OF_PERSON)}})
    if kind == RequestFile.Kind.ANSWER and not row.is_open:
        raise NotAllowed(_("This request is closed."), code="overtaken")
    if item is not None and item.subject_request_id != row.pk:
        raise ValidationError({"item": _("This work is another request's.")})
    return _keep(row, RequestFile.Kind(kind).value, content, item)


def _keep(row: SubjectRequest, kind: str, content: bytes, item: RequestItem | None = None) -> RequestFile:
    type_of, digest = media_type(content), hashlib.sha256(content).hexdigest()
    have = list(RequestFile.objects.defer("sealed").filter(subject_request=row))
    for one in have:
        if one.sha256 == digest and one.kind == kind:
            return one
    if kind in OF_PERSON and sum(one.kind in OF_PERSON for one in have) >= MOST_FILES:
        raise ValidationError({"file": _("A request holds at most %(count)s files.") % {"count": MOST_FILES}})
    parts = {"content": base64.b64encode(content).decode()}
    return RequestFile.objects.create(
        subject_request=row, item=item, kind=kind, sha256=digest, media_type=type_of, size=len(content),
        sealed=evidence.seal(subject=row.subject, what=WHAT, parts=parts),
    )  # fmt: skip


def attach_subject_file(row: SubjectRequest) -> RequestFile | None:
    """Everything we hold on the person as one PDF, part of an answer (policy 7.1); sealed as soon as it is made."""
    if row.disclosure == Disclosure.WITHHELD:
        return None
    values = vault_out.open_whole("answer", subject=row.subject)
    return _keep(row, RequestFile.Kind.ANSWER, subject_file.build(row.subject, row.language, values=values))


def open_file(*, file: RequestFile, by: StaffUser) -> bytes:
    """The content for an officer who works on the request; the record stands before it leaves. Raises NotAllowed."""
    row = file.subject_request
    rules.check_may_read(row, by=by)
    parts = vault.reveal_proof(
        subject=row.subject, what=WHAT, sealed=bytes(file.sealed), by=by, reason="request",
        withheld=row.disclosure != Disclosure.SUBJECT,
    )  # fmt: skip
    return base64.b64decode(parts["content"])


def own_file(*, file: RequestFile) -> bytes:
    """The content for the person's own page; whose it is, the view has looked."""
    parts = vault.open_proof(
        subject=file.subject_request.subject, what=WHAT, sealed=bytes(file.sealed), door=AccessRecord.Door.OWN,
        reason="request",
    )  # fmt: skip
    return base64.b64decode(parts["content"])


def for_person(request: SubjectRequest, person: DataSubject) -> list[RequestFile]:
    """What the person may take from a request: what they handed in, and the answer when they may read it; nothing
    when their power to act for its person is over."""
    if not rules.may_follow(request, person):
        return []
    kinds = [*OF_PERSON, RequestFile.Kind.LETTER]
    if request.answered_at is not None and rules.may_know(request, person):
        kinds.append(RequestFile.Kind.ANSWER)
    return list(RequestFile.objects.defer("sealed").filter(subject_request=request, kind__in=kinds).order_by("pk"))


def name_of(file: RequestFile) -> str:
    """The name it is downloaded under: nothing of its content, nor of the name it came with."""
    return f"{file.subject_request}-{file.pk}.{ENDINGS[file.media_type]}"
