"""What may be done with a person's data at a moment, and on what ground (94-V art. 7-9; DESIGN 5)."""

from datetime import datetime
from typing import NamedTuple

from django.utils import timezone
from simple_history.utils import get_history_manager_for_model

from consent import ledger
from consent.derivation import Standing
from consent.enums import Ground, State
from consent.models import FormItem, ItemKind, Objection, Purpose
from subjects.enums import Standing as PersonStanding
from subjects.enums import stands
from subjects.models import DataSubject

# a dispute stops everything; `restricted` stops uses and leaves what a law demands (DESIGN 5)
STOPPED = (PersonStanding.BLOCKED, PersonStanding.ERASED)
BY_LAW_ONLY = (PersonStanding.RESTRICTED, PersonStanding.DECEASED)


class Reason(NamedTuple):
    """Why a purpose may be pursued with a person's data, or may not: a code, the consents it rests on or lacks."""

    purpose: Purpose
    allowed: bool
    # law, notice, depersonalised, consent; no_consent, not_named, deferred, open_ended, blocked, restricted,
    # objected
    code: str
    form: str = ""
    scope: str = ""
    standing: Standing | None = None


def _named(standing: Standing, purposes: dict[int, set[str]]) -> bool:
    """Whether the text the person saw, in the language they saw it in, names the purpose.

    purposes: {version id: languages that name it}. A consent whose text or language nobody knows names nothing.
    """
    event = standing.given
    return bool(event and event.version_id and event.language in purposes.get(event.version_id, set()))


def reasons(subject: DataSubject, at: datetime | None = None) -> list[Reason]:
    """One reason for each purpose in force at the moment `at` (aware datetime, now by default); four queries, of a
    past moment five.

    A consent counts for the purposes its text names in the language the person saw; a deferred withdrawal for those
    required for the loan alone (94-V art. 8(2)). The person's standing is that of the moment too.
    """
    standing = standing_at(subject, at)
    consents = ledger.standings(subject, at)
    items = FormItem.objects.filter(kind=ItemKind.PURPOSE).select_related("version__form")
    naming: dict[int, dict[int, set[str]]] = {}
    forms: dict[int, set[str]] = {}
    for item in items:
        naming.setdefault(item.purpose_id, {})[item.version_id] = set(item.languages)
        forms.setdefault(item.purpose_id, set()).add(item.version.form.code)
    objected = set(Objection.objects.in_force(at).filter(subject=subject).values_list("purpose", flat=True))
    found = []
    for purpose in Purpose.objects.as_of(at):
        reason = _reason(standing, purpose, consents, naming.get(purpose.pk, {}), forms.get(purpose.pk, set()))
        if reason.allowed and purpose.pk in objected and reason.code != Ground.LAW:
            reason = Reason(purpose, False, "objected")
        found.append(reason)
    return found


def standing_at(subject: DataSubject, at: datetime | None = None) -> str:
    """The standing of the person at the moment `at`, by its history; before we knew them, their first one.

    A child, say, whose data are to be destroyed is one whose use is restricted (ADR 21).
    """
    if at is None or at >= timezone.now():
        return stands(subject)
    history = get_history_manager_for_model(DataSubject).filter(id=subject.pk)
    row = history.filter(history_date__lte=at).order_by("-history_date", "-history_id").first()
    row = row or history.order_by("history_date", "history_id").first()
    return stands(row or subject)


def _reason(
    person: str,
    purpose: Purpose,
    consents: dict[tuple[str, str], Standing],
    naming: dict[int, set[str]],
    forms: set[str],
) -> Reason:
    if purpose.ground == Ground.NONE or purpose.open_ended:
        return Reason(purpose, False, "open_ended")
    if person in STOPPED:
        return Reason(purpose, False, "blocked")
    if purpose.ground in (Ground.LAW, Ground.DEPERSONALISED):
        return Reason(purpose, True, purpose.ground)
    if person in BY_LAW_ONLY:
        return Reason(purpose, False, "restricted")
    if purpose.ground == Ground.NOTICE:
        return Reason(purpose, True, Ground.NOTICE)
    best = Reason(purpose, False, "no_consent")
    for (form, scope), standing in sorted(consents.items(), key=lambda item: item[0]):
        if standing.is_ground and _named(standing, naming):
            if standing.state == State.WITHDRAWAL_DEFERRED and not purpose.required:
                best = Reason(purpose, False, "deferred", form, scope, standing)
                continue
            return Reason(purpose, True, Ground.CONSENT, form, scope, standing)
        if form in forms and best.code == "no_consent":
            code = "not_named" if standing.is_ground else "no_consent"
            best = Reason(purpose, False, code, form, scope, standing)
    return best
