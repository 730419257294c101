"""A form on its way: draft, review, in force; two people, and a linter between them (94-V art. 8(4); DESIGN 5)."""

from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from audit.actor import because
from consent import samples
from consent.enums import FormState
from consent.linter import lint
from consent.models import ConsentForm, ConsentFormVersion, FormItem
from staff.models import Operator, StaffUser

_COPIED = ("text_kk", "text_ru", "text_en", "term", "until_purposes_reached", "to_third_parties", "cross_border")


class Beginning(models.TextChoices):
    """What a draft begins with."""

    OFFERED = "offered", pgettext_lazy("form", "what is offered now, or the sample")
    EMPTY = "empty", pgettext_lazy("form", "an empty page")
    LEGACY = "legacy", pgettext_lazy("form", "a text people accepted before Kelisim")


class SendBackReason(models.TextChoices):
    """Why a form is given back to whoever wrote it; a code, for history keeps it for ever."""

    WORDING = "form_wording", pgettext_lazy("reason", "the wording is unclear or wrong")
    LANGUAGES = "form_languages", pgettext_lazy("reason", "the languages do not say the same")
    ITEMS = "form_items", pgettext_lazy("reason", "a purpose, data or a recipient is missing or too much")
    ANSWERS = "form_answers", pgettext_lazy("reason", "the term or an answer is wrong")
    NOT_NOW = "form_not_now", pgettext_lazy("reason", "it is not wanted now")


class Overtaken(ValidationError):
    """Somebody else changed the form meanwhile; nothing of this attempt was written."""


def mark_of(version: ConsentFormVersion) -> str:
    """What a page carries to know later whether the version is still the one it showed: the last history rows."""
    row = ConsentFormVersion.history.filter(id=version.pk).aggregate(last=models.Max("history_id"))
    items = FormItem.history.filter(version_id=version.pk).aggregate(last=models.Max("history_id"))
    return f"{row['last'] or 0}.{items['last'] or 0}"


def check_right(by: StaffUser, codename: str) -> None:
    """Raises PermissionDenied."""
    if not by.has_perm(f"consent.{codename}"):
        raise PermissionDenied(_("This step is not among your rights."))


def _locked(version: ConsentFormVersion, state: str, seen: str | None) -> ConsentFormVersion:
    row = ConsentFormVersion.objects.select_for_update(of=("self",)).select_related("form").get(pk=version.pk)
    if row.state != state or (seen is not None and seen != mark_of(row)):
        raise Overtaken(_("Somebody has moved this form on meanwhile. Look at it again."), code="overtaken")
    return row


def check_still(version: ConsentFormVersion, *, seen: str) -> None:
    """Hold the draft until the transaction ends. seen: `mark_of` it as it was shown. Raises Overtaken."""
    row = ConsentFormVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if row.state != FormState.DRAFT or seen != mark_of(row):
        raise Overtaken(
            _(
                "Somebody else changed this draft while you were editing it, so nothing was saved. What you typed is "
                "still below: open the draft in a new tab and enter there what it still needs."
            ),
            code="overtaken",
        )


@transaction.atomic
def start(*, form: ConsentForm, by: StaffUser, beginning: str = Beginning.OFFERED) -> ConsentFormVersion:
    """A new draft. Raises ValidationError when the form has one already.

    OFFERED copies the version in force now (one that is only scheduled is not), or the sample when nothing is. LEGACY
    is a text of before Kelisim: signed by two as well, kept as it was, never offered to anybody.
    """
    check_right(by, "add_consentformversion")
    form = ConsentForm.objects.select_for_update().get(pk=form.pk)
    if form.versions.filter(state__in=(FormState.DRAFT, FormState.IN_REVIEW)).exists():
        raise ValidationError(_("This form has a draft already: finish it or give it up first."))
    last = form.versions.order_by("-number").first()
    draft = ConsentFormVersion.objects.create(
        form=form, number=last.number + 1 if last else 1, legacy=beginning == Beginning.LEGACY
    )
    if beginning != Beginning.OFFERED:
        return draft
    source = ConsentFormVersion.objects.in_force().filter(form=form).first()
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
        if not (version.text_kk.strip() or version.text_ru.strip() or version.text_en.strip()):
            raise ValidationError(_("There is no text: enter the one people accepted, in the languages it had."))
        return
    if findings := lint(version, Operator.current()):
        raise ValidationError([finding.sentence for finding in findings])


@transaction.atomic
def submit(*, version: ConsentFormVersion, by: StaffUser, seen: str | None = None) -> ConsentFormVersion:
    """Send a draft to a second person. seen: `mark_of` it as it was shown.

    Raises ValidationError with every sentence of the linter, Overtaken when it is not what was shown.
    """
    check_right(by, "submit_consentformversion")
    row = _locked(version, FormState.DRAFT, seen)
    _check(row)
    row.state, row.submitted_by, row.submitted_at = FormState.IN_REVIEW, by, timezone.now()
    row.save()
    return row


@transaction.atomic
def send_back(
    *, version: ConsentFormVersion, by: StaffUser, reason: str = "", seen: str | None = None
) -> ConsentFormVersion:
    """Give a form in review back to be changed. reason: a SendBackReason; its author reads it on the form's page."""
    check_right(by, "approve_consentformversion")
    row = _locked(version, FormState.IN_REVIEW, seen)
    row.state, row.submitted_by, row.submitted_at = FormState.DRAFT, None, None
    with because(reason):
        row.save()
    return row


@transaction.atomic
def give_up(*, version: ConsentFormVersion, by: StaffUser, seen: str | None = None) -> ConsentFormVersion:
    """A draft that is not wanted any more: it stays readable, and the form is free for another."""
    check_right(by, "change_consentformversion")
    row = _locked(version, FormState.DRAFT, seen)
    row.state = FormState.ARCHIVED
    row.save()
    return row


def _wrote(version: ConsentFormVersion, by: StaffUser) -> bool:
    drafts = ConsentFormVersion.history.filter(id=version.pk, history_user_id=by.pk, state=FormState.DRAFT)
    return drafts.exists() or FormItem.history.filter(version_id=version.pk, history_user_id=by.pk).exists()


def _check_moment(version: ConsentFormVersion, at: datetime | None) -> None:
    if at is None:
        return
    if version.legacy:
        raise ValidationError(_("A text of before is never offered, so it comes into force at no moment."))
    if at < timezone.now():
        raise ValidationError(_("This moment is past: a form comes into force now or later."))


def _take_the_place(version: ConsentFormVersion, moment: datetime) -> None:
    """The version with no end ends at `moment`, when this one begins; ValidationError if it begins no earlier."""
    before = ConsentFormVersion.objects.select_for_update().filter(
        form=version.form_id, state=FormState.APPROVED, legacy=False, in_force_during__upper_inf=True
    )
    for old in before:
        if old.in_force_during.lower >= moment:
            raise ValidationError(
                _(
                    "Version %(number)s is approved already and comes into force on %(moment)s: "
                    "choose a moment after that."
                )
                % {
                    "number": old.number,
                    "moment": date_format(timezone.localtime(old.in_force_during.lower), "DATETIME_FORMAT"),
                }
            )
        old.in_force_during = (old.in_force_during.lower, moment)
        old.save(update_fields=["in_force_during"])
    version.in_force_during = (moment, None)


@transaction.atomic
def approve(
    *, version: ConsentFormVersion, by: StaffUser, at: datetime | None = None, seen: str | None = None
) -> ConsentFormVersion:
    """The second person lets a form take effect, at `at` (aware datetime, now by default); the one before ends then.

    Raises ValidationError when `by` wrote or submitted it, the linter finds something by now, the moment is past or not
    after the beginning of a version that is scheduled already.
    """
    check_right(by, "approve_consentformversion")
    ConsentForm.objects.select_for_update().get(pk=version.form_id)
    row = _locked(version, FormState.IN_REVIEW, seen)
    if row.submitted_by_id == by.pk or _wrote(row, by):
        raise ValidationError(_("You wrote or submitted this form, so somebody else must approve it."))
    _check(row)
    _check_moment(row, at)
    if not row.legacy:
        _take_the_place(row, at or timezone.now())
    row.state, row.approved_by, row.approved_at = FormState.APPROVED, by, timezone.now()
    row.save()
    row.refresh_from_db()
    return row
