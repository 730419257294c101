"""A form on its way: draft, review, in force; two people, and a linter between them (94-V art. 8(4); DESIGN 5)."""

from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consent import samples
from consent.enums import FormState
from consent.linter import lint
from consent.models import ConsentForm, ConsentFormVersion, FormItem
from staff.models import Operator, StaffUser

_COPIED = ("text_kk", "text_ru", "text_en", "term", "until_purposes_reached", "to_third_parties", "cross_border")


def _right(by: StaffUser, codename: str) -> None:
    if not by.has_perm(f"consent.{codename}"):
        raise PermissionDenied(_("This step is not among your rights."))


def _locked(version: ConsentFormVersion, state: str) -> ConsentFormVersion:
    row = ConsentFormVersion.objects.select_for_update(of=("self",)).select_related("form").get(pk=version.pk)
    if row.state != state:
        raise ValidationError(_("Somebody has moved this form on meanwhile. Look at it again."))
    return row


@transaction.atomic
def start(*, form: ConsentForm, by: StaffUser) -> ConsentFormVersion:
    """A new draft: a copy of the version offered now, or the sample when the form has none. Raises ValidationError."""
    _right(by, "add_consentformversion")
    form = ConsentForm.objects.select_for_update().get(pk=form.pk)
    if form.versions.filter(state__in=(FormState.DRAFT, FormState.IN_REVIEW)).exists():
        raise ValidationError(_("This form has a draft already: finish it or give it up first."))
    last = form.versions.order_by("-number").first()
    source = form.versions.filter(state=FormState.APPROVED, legacy=False).order_by("-number").first()
    draft = ConsentFormVersion.objects.create(form=form, number=last.number + 1 if last else 1)
    if source is None:
        samples.fill(draft)
        return draft
    for name in (*_COPIED, "public_distribution"):
        setattr(draft, name, getattr(source, name))
    draft.save()
    items = list(source.items.all())
    for item in items:
        item.pk, item.version = None, draft
    FormItem.objects.bulk_create(items)
    return draft


def _check(version: ConsentFormVersion) -> None:
    if version.legacy:
        return
    if findings := lint(version, Operator.current()):
        raise ValidationError([finding.sentence for finding in findings])


@transaction.atomic
def submit(*, version: ConsentFormVersion, by: StaffUser) -> ConsentFormVersion:
    """Send a draft to a second person. Raises ValidationError with every sentence of the linter."""
    _right(by, "submit_consentformversion")
    row = _locked(version, FormState.DRAFT)
    _check(row)
    row.state, row.submitted_by, row.submitted_at = FormState.IN_REVIEW, by, timezone.now()
    row.save()
    return row


@transaction.atomic
def send_back(*, version: ConsentFormVersion, by: StaffUser) -> ConsentFormVersion:
    """Give a form in review back to be changed."""
    _right(by, "approve_consentformversion")
    row = _locked(version, FormState.IN_REVIEW)
    row.state, row.submitted_by, row.submitted_at = FormState.DRAFT, None, None
    row.save()
    return row


def _wrote(version: ConsentFormVersion, by: StaffUser) -> bool:
    drafts = ConsentFormVersion.history.filter(id=version.pk, history_user_id=by.pk, state=FormState.DRAFT)
    return drafts.exists() or FormItem.history.filter(version_id=version.pk, history_user_id=by.pk).exists()


@transaction.atomic
def approve(*, version: ConsentFormVersion, by: StaffUser, at: datetime | None = None) -> ConsentFormVersion:
    """The second person lets a form take effect, at `at` (aware datetime, now by default); the one before ends then.

    Raises ValidationError when `by` wrote or submitted it, or the linter finds something by now.
    """
    _right(by, "approve_consentformversion")
    row = _locked(version, FormState.IN_REVIEW)
    if row.submitted_by_id == by.pk or _wrote(row, by):
        raise ValidationError(_("You wrote or submitted this form, so somebody else must approve it."))
    _check(row)
    moment = at or timezone.now()
    if not row.legacy:
        before = ConsentFormVersion.objects.filter(form=row.form_id, state=FormState.APPROVED, legacy=False)
        for old in before.filter(in_force_during__upper_inf=True):
            old.in_force_during = (old.in_force_during.lower, moment)
            old.save(update_fields=["in_force_during"])
        row.in_force_during = (moment, None)
    row.state, row.approved_by, row.approved_at = FormState.APPROVED, by, timezone.now()
    row.save()
    row.refresh_from_db()
    return row
