"""What the officers' page about a person says of restraints, relations, checks and holdings; one query a part."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from subjects import subject_page
from subjects.models import (
    AutomatedDecision,
    Contract,
    DataSubject,
    DenylistEntry,
    DocumentSeen,
    LegalHold,
    PersonLink,
    Representative,
    TechnicalHolding,
    Verification,
)

SHOWN = 20
Cells = Callable[[Any], Iterable[object]]


def _day(moment: Any) -> str:
    return date_format(moment, "SHORT_DATE_FORMAT") if moment else "—"


def _part(
    order: int,
    *,
    title: Promise,
    head: tuple[Promise, ...],
    rows: Callable[[DataSubject], models.QuerySet],
    cells: Cells,
) -> None:
    """Add a table to the page: of who may view the rows; left out where there are none and none may be added."""

    def context(request: HttpRequest, subject: DataSubject) -> dict | None:
        queryset = rows(subject)
        name = queryset.model._meta.model_name
        if not request.user.has_perm(f"subjects.view_{name}"):
            return None
        found = list(queryset.order_by("-pk")[:SHOWN])
        may_add = request.user.has_perm(f"subjects.add_{name}")
        if not found and not may_add:
            return None
        return {
            "title": title,
            "head": head,
            "rows": [(reverse(f"admin:subjects_{name}_change", args=[row.pk]), list(cells(row))) for row in found],
            "add": may_add and f"{reverse(f'admin:subjects_{name}_add')}?subject={subject}",
        }

    subject_page.PARTS.append(subject_page.Part(order, "admin/subjects/_part.html", context))


_part(
    2,
    title=_("Values that differ"),
    head=(_("Data category"), _("checked against"), _("result"), _("checked at"), _("decision")),
    rows=lambda subject: Verification.objects.filter(value__subject=subject).select_related("value__category"),
    cells=lambda row: (
        row.value.category, row.get_against_display(), row.get_result_display(), _day(row.checked_at),
        row.get_decision_display() or "—",
    ),
)  # fmt: skip
_part(
    4,
    title=_("Contracts"),
    head=(_("contract"), _("state"), _("since"), _("overdue since")),
    rows=lambda subject: Contract.objects.filter(subject=subject),
    cells=lambda row: (row.number, row.get_state_display(), _day(row.state_since), _day(row.overdue_since)),
)
_part(
    30,
    title=_("Legal holds: nothing is destroyed"),
    head=(_("kind"), _("number of the case"), _("who asks for it"), _("since"), _("until"), _("lifted at")),
    rows=lambda subject: LegalHold.objects.filter(subject=subject),
    cells=lambda row: (
        row.get_kind_display(), row.case_number, row.body, _day(row.since), _day(row.until), _day(row.lifted_at)
    ),
)  # fmt: skip
_part(
    32,
    title=_("Denylist"),
    head=(_("kind"), _("reason"), _("source"), _("state"), _("review on")),
    rows=lambda subject: DenylistEntry.objects.filter(subject=subject),
    cells=lambda row: (
        row.get_kind_display(), row.get_reason_display(), row.get_origin_display(),
        _("in force") if row.is_in_force else _("closed") if row.in_force_during else _("waits for a second person"),
        _day(row.review_on),
    ),
)  # fmt: skip
_part(
    34,
    title=_("Decisions made without a human"),
    head=(_("decision"), _("outcome"), _("made at"), _("human review")),
    rows=lambda subject: AutomatedDecision.objects.filter(subject=subject),
    cells=lambda row: (
        row.get_kind_display(), row.get_outcome_display(), _day(row.occurred_at),
        row.get_review_display() or (_("asked for") if row.review_asked_at else "—"),
    ),
)  # fmt: skip
_part(
    36,
    title=_("Who acts for the person"),
    head=(_("representative"), _("basis"), _("valid from"), _("valid until"), _("state")),
    rows=lambda subject: Representative.objects.filter(subject=subject).select_related("representative"),
    cells=lambda row: (
        row.representative, row.get_basis_display(), _day(row.valid_from), _day(row.valid_until),
        _("may act") if row.is_in_force else _("may not act"),
    ),
)  # fmt: skip
_part(
    38,
    title=_("Linked people"),
    head=(_("linked person"), _("kind"), _("ended at")),
    rows=lambda subject: PersonLink.objects.filter(subject=subject).select_related("other"),
    cells=lambda row: (row.other, row.get_kind_display(), _day(row.ended_at)),
)
_part(
    40,
    title=_("Documents seen"),
    head=(_("document"), _("last four characters of the number"), _("seen on")),
    rows=lambda subject: DocumentSeen.objects.filter(subject=subject),
    cells=lambda row: (row.get_kind_display(), row.last_four, _day(row.seen_on)),
)
_part(
    42,
    title=_("Technical data in other systems"),
    head=(_("system"), _("data category"), _("first day"), _("last day"), _("records")),
    rows=lambda subject: TechnicalHolding.objects.filter(subject=subject).select_related("system", "category"),
    cells=lambda row: (
        row.system, row.category, _day(row.during.lower), _day(row.last_day), number_format(row.count)
    ),
)  # fmt: skip
