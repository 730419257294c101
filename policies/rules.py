"""What may happen to a version, and when: pairs of `check_may_…` (raises NotAllowed) and `may_…` (asks)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from simple_history.utils import get_history_manager_for_model

from policies.enums import TRANSITIONS, State
from policies.models import Clause, PolicySource, PolicyVersion
from policies.triggers import CONTENT, IN_THE_NAME_OF
from staff.models import StaffUser


class NotAllowed(ValidationError):
    """The step is not open; the message says why and what to do."""


# what must be filled before anybody is asked to approve (policy 9.2; DESIGN 5): field → the languages of the law
REQUIRED = (
    "order_number",
    "order_date",
    "scope_kk",
    "scope_ru",
    "significance_reason_kk",
    "significance_reason_ru",
)
REQUIRED_WITH_PREDECESSOR = ("change_summary_kk", "change_summary_ru")


def _check_permission(by: StaffUser, permission: str) -> None:
    if not by.has_perm(f"policies.{permission}"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")


def _check_state(version: PolicyVersion, target: str) -> None:
    if target not in TRANSITIONS[version.state]:
        raise NotAllowed(
            _("A version that is “%(state)s” cannot take this step. Reload the page to see where it stands."),
            code="state",
            params={"state": version.get_state_display()},
        )


def field_name(name: str) -> str:
    """What a field of a version is called, in the active language."""
    return str(getattr(PolicyVersion._meta.get_field(name), "verbose_name", name))


def missing_before_review(version: PolicyVersion) -> list[str]:
    """Names of the fields that must be filled before the version is submitted."""
    fields = list(REQUIRED)
    if version.number > 1:
        fields += REQUIRED_WITH_PREDECESSOR
    missing = [name for name in fields if not getattr(version, name)]
    if version.significant is None:
        missing.append("significant")
    return missing


def check_may_edit(version: PolicyVersion, *, by: StaffUser) -> None:
    """A draft only: from review on everything that is approved is frozen."""
    _check_permission(by, "change_policyversion")
    if version.state != State.DRAFT:
        raise NotAllowed(
            _("This version is no draft any more: what is being approved is frozen. Ask for changes first."),
            code="frozen",
        )


def check_may_submit(version: PolicyVersion, *, by: StaffUser) -> None:
    """A complete draft, in Kazakh and Russian."""
    _check_permission(by, "submit_policyversion")
    _check_state(version, State.IN_REVIEW)
    missing = missing_before_review(version)
    if missing:
        names = "; ".join(field_name(name) for name in missing)
        raise NotAllowed(_("Fill in before submitting: %(fields)s."), code="incomplete", params={"fields": names})
    if not {"kk", "ru"} <= set(version.languages()):
        raise NotAllowed(_("A policy is submitted in Kazakh and in Russian."), code="languages")


def check_may_request_changes(version: PolicyVersion, *, by: StaffUser) -> None:
    """From review or approval back to a draft."""
    _check_permission(by, "approve_policyversion")
    _check_state(version, State.DRAFT)


def _wrote_text(version: PolicyVersion, by: StaffUser) -> bool:
    """Whether a clause or a file of the version, one that is gone since included, was written by or for `by`."""
    theirs = Q(history_user_id=by.pk) | Q(history_change_reason=f"{IN_THE_NAME_OF}{by.pk}")
    return any(
        get_history_manager_for_model(model).filter(theirs, version_id=version.pk).exists()
        for model in (Clause, PolicySource)
    )


def terms_written(version: PolicyVersion, *, by: StaffUser) -> list[str]:
    """Names of the fields approved beside the text that `by` wrote, overwritten since or not; one query.

    From history, as the database's own trigger reads it (`policies.triggers.FourEyes`): whoever only looked, or saved
    the form as it was, wrote nothing.
    """
    written: set[str] = set()
    blank = PolicyVersion()
    before: dict[str, Any] = {name: getattr(blank, name) for name in CONTENT}
    rows = get_history_manager_for_model(PolicyVersion).filter(id=version.pk).order_by("history_id")
    for row in rows.values("history_user_id", "history_change_reason", *CONTENT):
        if row["history_user_id"] == by.pk or row["history_change_reason"] == f"{IN_THE_NAME_OF}{by.pk}":
            written |= {name for name in CONTENT if row[name] != before[name]}
        before = row
    return [name for name in CONTENT if name in written]


def check_may_approve(version: PolicyVersion, *, by: StaffUser) -> None:
    """Four eyes: neither the one who submitted nor anybody who wrote a clause, a file or a term of it (DESIGN 5)."""
    _check_permission(by, "approve_policyversion")
    _check_state(version, State.APPROVED)
    if version.submitted_by_id == by.pk:
        raise NotAllowed(_("You submitted this version, so somebody else must approve it."), code="four_eyes")
    if _wrote_text(version, by):
        raise NotAllowed(_("You wrote a part of this version, so somebody else must approve it."), code="four_eyes")
    if written := terms_written(version, by=by):
        raise NotAllowed(
            _("You wrote a part of what is approved (%(fields)s), so somebody else must approve this version."),
            code="four_eyes",
            params={"fields": "; ".join(field_name(name) for name in written)},
        )


def check_may_schedule(version: PolicyVersion, *, by: StaffUser) -> None:
    """Whether there is a moment at which it may be published: approved, and not overtaken by a later number."""
    _check_permission(by, "publish_policyversion")
    _check_state(version, State.PUBLISHED)
    newer = PolicyVersion.objects.published().filter(policy=version.policy_id, number__gt=version.number).first()
    if newer:
        raise NotAllowed(
            _("Version %(number)s, a later one, is published already. Import this text anew as the next version."),
            code="outdated",
            params={"number": newer.number},
        )


def check_may_publish(version: PolicyVersion, *, by: StaffUser, at: datetime | None = None) -> None:
    """Policy 9.2: in force from publication (`at` None) unless the version says later, never earlier."""
    check_may_schedule(version, by=by)
    if at is not None and at < timezone.now():
        raise NotAllowed(_("This moment is past: a version comes into force now or later."), code="past")
    later = (
        PolicyVersion.objects.published()
        .filter(policy=version.policy_id, in_force_during__startswith__gte=at or timezone.now())
        .first()
    )
    if later:
        raise NotAllowed(
            _("Version %(number)s is already published to come into force after that: choose a later moment."),
            code="overlap",
            params={"number": later.number},
        )


def check_may_archive(version: PolicyVersion, *, by: StaffUser) -> None:
    """A draft may be given up; a published version never."""
    _check_permission(by, "change_policyversion")
    _check_state(version, State.ARCHIVED)


def _asks(check: Callable[..., None]) -> Callable[..., bool]:
    def may(version: PolicyVersion, *, by: StaffUser) -> bool:
        try:
            check(version, by=by)
        except NotAllowed:
            return False
        return True

    may.__name__ = check.__name__.removeprefix("check_")
    may.__doc__ = f"Whether `{check.__name__}` would let it pass."
    return may


may_edit = _asks(check_may_edit)
may_submit = _asks(check_may_submit)
may_request_changes = _asks(check_may_request_changes)
may_approve = _asks(check_may_approve)
may_schedule = _asks(check_may_schedule)
may_publish = _asks(check_may_publish)
may_archive = _asks(check_may_archive)
