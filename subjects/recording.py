"""Values of a person as a system or an officer tells them: checked, sealed, found again (policy 2.1, 2.2)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.actor import because
from subjects import addresses, corrections, formats, ports, rules, search, services, vault
from subjects.corrections import BY_HAND
from subjects.enums import Disclosure, IndexKind, OverrideReason
from subjects.formats import Remark
from subjects.models import DataCategory, DataSubject, DisputedAddress, PersonalData, SearchKey
from subjects.vault import Parts, Value

JOB = "record"
# a person's values of these are what they are found by
FOUND_BY = {
    "iin": IndexKind.IIN,
    "mobile_phone": IndexKind.PHONE,
    "contact_phones": IndexKind.OTHER_PHONE,
    "full_name": IndexKind.NAME,
}


class Unfit(Exception):
    """Values that were not written: (number of the value from 0, what is wrong), and what a reason would override."""

    def __init__(self, problems: Sequence[tuple[int, Remark]], doubts: Sequence[tuple[int, Remark]] = ()) -> None:
        super().__init__("unfit")
        self.problems, self.doubts = list(problems), list(doubts)


class Taken(Exception):
    """Another person has this IIN."""


class Recorded(NamedTuple):
    """How many values of the category are new, changed or gone, and what is worth a word about them."""

    added: int
    changed: int
    removed: int
    warnings: list[tuple[int, Remark]]


def fit(category: str, *, values: Sequence[Mapping[str, str]], override: str = "", today: date) -> list[Parts]:
    """The values in their normal form. Raises Unfit when one is wrong, or doubtful without a reason to override."""
    return _fit(category, values, override=override, today=today)[0]


def _fit(
    category: str, values: Sequence[Mapping[str, str]], *, override: str, today: date
) -> tuple[list[Parts], list[tuple[int, Remark]]]:
    if category in formats.TECHNICAL:
        raise Unfit([(0, Remark("", "technical"))])
    if not DataCategory.objects.filter(code=category).exists():
        raise Unfit([(0, Remark("", "category_unknown"))])
    if len(values) > 1 and not formats.category_of(category).many:
        raise Unfit([(1, Remark("", "one_only"))])
    checked = [formats.check(category, parts=parts, today=today) for parts in values]
    problems = [(number, remark) for number, one in enumerate(checked) for remark in one.problems]
    doubts = [(number, remark) for number, one in enumerate(checked) for remark in one.doubts]
    if problems or (doubts and not override):
        raise Unfit(problems, doubts)
    return [one.parts for one in checked], [
        (number, remark) for number, one in enumerate(checked) for remark in one.warnings
    ]


@transaction.atomic
def record(
    *,
    subject: DataSubject,
    category: str,
    values: Sequence[Mapping[str, str]],
    source: str,
    origin: str = "",
    transfer: str = "",
    collected_at: datetime | None = None,
    override: str = "",
    disclosure: str = Disclosure.SUBJECT,
    system: bool = False,
) -> Recorded:
    """Let the person have exactly these values of the category; a value that is the same is not touched.

    category: a code of the approved list. values: [{part: text}] as `formats` reads them. source: `enums.Source`, the
    method; origin: `enums.Origin`, whose words; transfer: `app.Model:pk`; collected_at: aware, now by default.
    override: `enums.OverrideReason` when a doubtful value is right, kept as the reason of the change.
    disclosure: whether the person may see them; withheld values and those they see never touch each other.
    system: a system of ours or a recipient tells: what was put right here stays (`corrections.check_system_may_tell`).
    Raises Unfit, Taken, corrections.Stands; ValidationError for a person whose data is blocked or erased, or a
    disputed e-mail.
    """
    ready, warnings = _fit(category, values, override=override, today=timezone.localdate())
    told = {
        "source": source,
        "origin": origin,
        "transfer": transfer,
        "collected_at": collected_at or timezone.now(),
    }
    done = _write(subject, category, ready, told, override=override, disclosure=disclosure, system=system)
    return done._replace(warnings=warnings)


@transaction.atomic
def add(
    *, subject: DataSubject, category: str, parts: Mapping[str, str], source: str, origin: str, override: str = ""
) -> Recorded:
    """One more value of the category, or another one where a person has one; otherwise as `record`.

    Who got the values of a category that has several is told of one more: what they got is not the whole any longer.
    Raises ValidationError, too, when it would take the place of a value that has a page of its own (`check_may_add`).
    """
    DataSubject.objects.select_for_update().get(pk=subject.pk)
    check_may_add(subject, category)
    ready, warnings = _fit(category, [parts], override=override, today=timezone.localdate())
    held: list[Parts] = []
    if formats.category_of(category).many:
        held = [value.parts for _pk, value in vault.open_values_for(JOB, subject_ids=[subject.pk], category=category)]
        ready = [*held, *(new for new in ready if new not in held)]
    told = {"source": source, "origin": origin, "transfer": "", "collected_at": timezone.now()}
    done = _write(subject, category, ready, told, override=override)
    if held and done.added and source in BY_HAND:
        ports.corrected(subject, category)
    return done._replace(warnings=warnings)


def check_may_add(subject: DataSubject, category: str) -> None:
    """A first IIN, phone or e-mail may be added; one that is held is put right on its page. Raises ValidationError."""
    if PersonalData.objects.newest(subject, category):
        corrections.check_has_no_page(category)


def _write(
    subject: DataSubject,
    category: str,
    ready: Sequence[Parts],
    told: dict[str, Any],
    *,
    override: str,
    disclosure: str = Disclosure.SUBJECT,
    system: bool = False,
) -> Recorded:
    subject = DataSubject.objects.select_for_update().get(pk=subject.pk)
    rules.check_is_open(subject)
    if category == "iin":
        _check_iin_is_free(subject, ready)
    if category == addresses.CATEGORY and addresses.disputed([parts["value"] for parts in ready]):
        raise ValidationError(
            _("A reader of this e-mail said that our letters reach a stranger: settle that task first."),
            code="disputed",
        )
    values = vault.open_values_for(JOB, subject_ids=[subject.pk], category=category, disclosure=disclosure)
    held = [value for _pk, value in values]
    if system and disclosure == Disclosure.SUBJECT:
        source = told["source"]
        corrections.check_system_may_tell(subject, category, held=held, ready=ready, source=source, job=JOB)
    fresh, stale = _differ(held, ready)
    was = None
    reason = OverrideReason(override).value if override else ""
    with because(reason):
        for value, parts in zip(stale, fresh, strict=False):
            row = PersonalData.objects.select_related("subject", "category").get(pk=value.id)
            if category == addresses.CATEGORY and not DisputedAddress.objects.filter(value=row).exists():
                was = services.newest(row)
            vault.change(value=row, parts=parts, **told)
        for parts in fresh[len(stale) :]:
            vault.store(subject=subject, category=category, parts=parts, disclosure=disclosure, **told)
        gone = [value.id for value in stale[len(fresh) :]]
        PersonalData.objects.filter(pk__in=gone).delete()
        # by a withheld value nobody is found, signs in or gets a letter
        if (fresh or gone) and disclosure == Disclosure.SUBJECT:
            reindex(subject, category=category, was=was)
    changed = min(len(fresh), len(stale))
    if told["source"] in BY_HAND and changed:
        ports.corrected(subject, category)
    if told["source"] in BY_HAND and gone:
        ports.destroyed(subject, [category])
    return Recorded(added=len(fresh) - changed, changed=changed, removed=len(gone), warnings=[])


def _differ(held: Sequence[Value], ready: Sequence[Parts]) -> tuple[list[Parts], list[Value]]:
    """(values that are not held, values held that were not told)."""
    left = list(held)
    fresh = []
    for parts in ready:
        same = next((value for value in left if value.parts == parts), None)
        if same is None:
            fresh.append(parts)
        else:
            left.remove(same)
    return fresh, left


def _check_iin_is_free(subject: DataSubject, ready: Sequence[Parts]) -> None:
    digests = [search.digest(IndexKind.IIN, parts["value"]) for parts in ready]
    if SearchKey.objects.filter(kind=IndexKind.IIN, digest__in=digests).exclude(subject=subject).exists():
        raise Taken


def reindex(subject: DataSubject, *, category: str, was: int | None = None) -> None:
    """Have the person found by the values they have now and may see.

    was: the history row of an e-mail that is to be told.
    """
    if category == addresses.CATEGORY:
        services.address_changed(subject, was=was)
        return
    kind = FOUND_BY.get(category)
    if kind is None:
        return
    texts: list[str] = []
    for code in (code for code, found in FOUND_BY.items() if found == kind):
        for _pk, value in vault.open_values_for(JOB, subject_ids=[subject.pk], category=code):
            texts += search.name_words(*value.parts.values()) if kind == IndexKind.NAME else [value.parts["value"]]
    keys = dict.fromkeys(search.keys_of(kind, text) for text in texts)
    SearchKey.objects.filter(subject=subject, kind=kind).delete()
    SearchKey.objects.bulk_create(
        SearchKey(subject=subject, kind=kind, digest=digest, hint=hint) for kind, digest, hint in keys
    )
