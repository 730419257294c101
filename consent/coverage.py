"""Whose consent covers less than others' because of the language they read (law.md 5.2; issue 3).

What a consent covers is read from the words of the form in the language the person saw. A purpose that only the Russian
text names was never told to who read the Kazakh one.
"""

from collections import defaultdict
from typing import NamedTuple

from django.db.models import Count, QuerySet

from consent.enums import LIVE, Ground, Necessity
from consent.models import (
    ConsentForm,
    ConsentFormVersion,
    ConsentState,
    FormItem,
    ItemKind,
    Purpose,
    PurposeCategory,
)
from staff.enums import Language
from subjects.models import DataCategory

# what a form may answer with "yes", and so ask more than one that says "no" (94-V art. 8(4)(4)-(6))
ANSWER = "answer"
ANSWERS = ("to_third_parties", "cross_border", "public_distribution")


class Words(NamedTuple):
    """What a form names: its kind and the code of the purpose, category or kind of recipient; `ANSWER` and a "yes"."""

    kind: str
    code: str


class Gap(NamedTuple):
    """Readers of one version in one language who were not told what is named elsewhere.

    lacks: what the text lacks in this language. people: how many live consents rest on it.
    """

    form: str
    version: int
    version_id: int
    language: str
    lacks: list[Words]
    people: int


def _code(item: FormItem) -> Words:
    if item.kind == ItemKind.PURPOSE:
        return Words(item.kind, item.purpose.code)
    return Words(item.kind, item.category.code if item.kind == ItemKind.CATEGORY else item.recipient_kind)


def named(version: ConsentFormVersion, language: str) -> set[Words]:
    """What the text of the version names in the language. version: with prefetched items, purposes and categories."""
    return {_code(item) for item in version.items.all() if item.text(language)} | _yes(version)


def _yes(version: ConsentFormVersion) -> set[Words]:
    """What the version asks beside its items; the same in every language."""
    return {Words(ANSWER, name) for name in ANSWERS if getattr(version, name)}


def _versions(form: ConsentForm | None) -> list[ConsentFormVersion]:
    rows = ConsentFormVersion.objects.select_related("form").prefetch_related("items__purpose", "items__category")
    return list(rows.filter(form=form) if form else rows)


def gaps(form: ConsentForm | None = None) -> list[Gap]:
    """Every text that somebody's live consent rests on and that names less than it should; constant queries.

    It should name what any language of the same version names, and what the version offered now names in any language.
    """
    live = ConsentState.objects.filter(state__in=LIVE, given__version__isnull=False)
    if form:
        live = live.filter(form=form)
    counted = live.values_list("given__version", "given__language").annotate(people=Count("pk")).order_by()
    people = {(version, language): count for version, language, count in counted}
    versions = _versions(form)
    wanted: dict[int, set[Words]] = defaultdict(set)
    for version in ConsentFormVersion.objects.in_force().filter(pk__in=[v.pk for v in versions]):
        current = next(v for v in versions if v.pk == version.pk)
        wanted[version.form_id] |= set().union(*(named(current, code) for code in Language.values))
    found = []
    for version in sorted(versions, key=lambda v: (v.form.order, v.form.code, v.number)):
        everywhere = set().union(*(named(version, code) for code in Language.values)) | wanted[version.form_id]
        for language in Language.values:
            count = people.get((version.pk, language), 0)
            lacks = sorted(everywhere - named(version, language))
            if count and lacks:
                found.append(Gap(version.form.code, version.number, version.pk, language, lacks, count))
    return found


def texts(version: ConsentFormVersion) -> dict[str, list[Words]]:
    """{language: what its text lacks of what another language of the same version names}, for languages it has."""
    have = [code for code in Language.values if version.text(code)]
    everywhere = set().union(*(named(version, code) for code in have))
    return {code: sorted(everywhere - named(version, code)) for code in have}


def affected(gap: Gap) -> QuerySet[ConsentState]:
    """The live consents that rest on the text of a gap."""
    return ConsentState.objects.filter(
        state__in=LIVE, given__version=gap.version_id, given__language=gap.language
    ).order_by("pk")


class Unasked(NamedTuple):
    """A purpose that rests on consent, and the data it needs which no form in force that names it asks for.

    form: whether any form in force names the purpose at all; without one no consent is a ground for it.
    """

    purpose: Purpose
    form: bool
    data: list[DataCategory]


def unasked() -> list[Unasked]:
    """What the register of purposes and the matrix need a consent for and no form in force asks; four queries."""
    named: dict[int, set[int]] = defaultdict(set)
    forms: dict[int, set[int]] = defaultdict(set)
    for item in FormItem.objects.filter(version__in=ConsentFormVersion.objects.in_force()):
        if item.purpose_id:
            forms[item.purpose_id].add(item.version_id)
        elif item.category_id:
            named[item.version_id].add(item.category_id)
    cells: dict[int, list[DataCategory]] = defaultdict(list)
    required = PurposeCategory.objects.in_force().filter(necessity=Necessity.REQUIRED).select_related("category")
    for cell in required.order_by("category__order"):
        cells[cell.purpose_id].append(cell.category)
    found = []
    for purpose in Purpose.objects.in_force().filter(ground=Ground.CONSENT, open_ended=False):
        asked = set().union(*(named[version] for version in forms[purpose.pk]))
        lacks = [category for category in cells[purpose.pk] if category.pk not in asked]
        if lacks or not forms[purpose.pk]:
            found.append(Unasked(purpose, bool(forms[purpose.pk]), lacks))
    return found


def unknown_grounds() -> dict[str, int]:
    """{form code: live consents whose text or language nobody knows}: imported, they cover nothing we can name."""
    rows = ConsentState.objects.filter(state__in=LIVE)
    unknown = rows.filter(given__version=None) | rows.filter(given__language="")
    counted = unknown.values_list("form__code").annotate(people=Count("pk")).order_by("form__order", "form__code")
    return dict(counted)
