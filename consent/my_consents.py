"""The consents of a person as the cabinet shows them: in plain words, with what may be done about each (policy 7.1)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from django.db.models import Prefetch
from django.utils import timezone

from consent import ledger
from consent.derivation import Standing
from consent.enums import LIVE, POSTPONEMENTS, EventKind, Ground, State
from consent.form_text import offered_language, term_in_words
from consent.models import ConsentEvent, ConsentForm, ConsentFormVersion, FormItem, ItemKind, Purpose
from consent.models.forms import OPTIONAL_FORMS
from consent.scope_words import Scopes
from subjects import duplicates
from subjects.models import Contract, DataSubject

PUBLIC_SOURCES = "C11"
# what a person may hold a receipt of
RECEIPTS = frozenset(
    {EventKind.GIVEN, EventKind.RENEWED, EventKind.REFUSED, EventKind.WITHDRAWN, EventKind.WITHDRAWAL_DEFERRED}
)
# how long before its end a consent may be renewed, and its end is told of
ENDS_SOON = timedelta(days=30)


class Plain(NamedTuple):
    """A form in plain words, in one language: what it names there and nothing else."""

    language: str
    purposes: list[str]
    data: list[str]
    recipients: list[str]
    term: str
    to_third_parties: bool
    abroad: bool
    public: bool


class Mine(NamedTuple):
    """One consent of the person: a form, what it is about, the version offered now (None: none), how it stands.

    elsewhere: (file, standing) of a consent to the same in another file of theirs, which a withdrawal ends as well.
    """

    form: ConsentForm
    scope: str
    about: str
    version: ConsentFormVersion | None
    standing: Standing
    elsewhere: tuple[DataSubject, Standing] | None = None

    @property
    def state(self) -> State:
        return State(self.standing.state)

    @property
    def stands(self) -> bool:
        """Whether it is a consent now, in whichever file, a withdrawal that waits for the loan's end included."""
        return self.standing.is_ground or self.elsewhere is not None

    @property
    def may_withdraw(self) -> bool:
        """Whether there is something to withdraw that is not withdrawn already, waiting for the loan's end."""
        standings = [self.standing, *([self.elsewhere[1]] if self.elsewhere else [])]
        return any(one.is_ground and one.state != State.WITHDRAWAL_DEFERRED for one in standings)

    @property
    def never_a_condition(self) -> bool:
        return self.form.code in OPTIONAL_FORMS

    @property
    def refused_by_default(self) -> bool:
        """Nobody's data are made public unless they said so (policy 7.1)."""
        return self.form.code == PUBLIC_SOURCES and not self.stands

    @property
    def ends_soon(self) -> bool:
        until = self.standing.until
        return self.state in LIVE and until is not None and until <= timezone.now() + ENDS_SOON

    @property
    def changed(self) -> bool:
        """Whether the text offered now is another than the one consented to, or nobody knows which that was."""
        given = self.standing.given
        if not (self.state in LIVE and self.version and given):
            return False
        return given.version_id != self.version.pk or not given.language

    @property
    def may_answer(self) -> bool:
        """Whether there is something to answer: no consent stands, another text is offered, or the term ends soon."""
        return self.version is not None and (self.state not in LIVE or self.changed or self.ends_soon)

    @property
    def may_postpone(self) -> bool:
        """Whether "later" is an answer: some times, and never to what the loan cannot do without."""
        return self.may_answer and not self.form.required and self.standing.postponed < POSTPONEMENTS


def plain(version: ConsentFormVersion, wanted: str) -> Plain:
    """What the form says, in the language that who wants `wanted` reads it in. version: with prefetched items."""
    language = offered_language(version, wanted)

    def words(kind: str) -> list[str]:
        return [item.text(language) for item in version.items.all() if item.kind == kind and item.text(language)]

    return Plain(
        language,
        words(ItemKind.PURPOSE),
        words(ItemKind.CATEGORY),
        words(ItemKind.RECIPIENT),
        term_in_words(version, language),
        bool(version.to_third_parties),
        bool(version.cross_border),
        bool(version.public_distribution),
    )


def of(subject: DataSubject, code: str = "") -> list[Mine]:
    """Every form offered now or answered before, once for each thing it is about; a constant number of queries.

    code: of one form, else all.
    """
    versions = ConsentFormVersion.objects.in_force().select_related("form")
    versions = versions.prefetch_related(Prefetch("items", FormItem.objects.select_related("purpose")))
    offered = {version.form.code: version for version in versions if code in ("", version.form.code)}
    held: dict[str, dict[str, Standing]] = {}
    elsewhere: dict[tuple[str, str], tuple[DataSubject, Standing]] = {}
    for one, found in ledger.standings_of(duplicates.every_file(subject)).items():
        for (form, scope), standing in found.items():
            if code not in ("", form):
                continue
            if one == subject:
                held.setdefault(form, {})[scope] = standing
            elif standing.is_ground:
                held.setdefault(form, {}).setdefault(scope, Standing())
                elsewhere[form, scope] = one, standing
    forms = {form.code: form for form in ConsentForm.objects.filter(code__in={*offered, *held})}
    scopes = Scopes.of(subject)
    return [
        Mine(
            form,
            scope,
            scopes.in_words(scope),
            offered.get(key),
            held.get(key, {}).get(scope, Standing()),
            elsewhere.get((key, scope)),
        )
        for key, form in sorted(forms.items(), key=lambda item: (item[1].order, len(item[0]), item[0]))
        for scope in (scopes.offered(form, held.get(key, ())) if key in offered else sorted(held[key]))
    ]


def history(subject: DataSubject, form: ConsentForm | None = None, limit: int = 200) -> list[tuple[ConsentEvent, str]]:
    """What happened to the person's consents in every file of theirs, newest first, each with what it is about."""
    events = ConsentEvent.objects.filter(subject__in=duplicates.files_at(subject, None)).select_related(
        "form", "version"
    )
    if form:
        events = events.filter(form=form)
    scopes = Scopes.of(subject)
    return [(event, scopes.in_words(event.scope)) for event in events.order_by("-occurred_at", "-pk")[:limit]]


class Withdrawing(NamedTuple):
    """What a withdrawal would do: the contracts that hold it, what stops at once, what goes on, what a law demands."""

    held_by: Sequence[Contract]
    stops: list[str]
    goes_on: list[str]
    by_law: list[str]

    @property
    def at_once(self) -> bool:
        return not self.held_by


def _title(purpose: Purpose) -> str:
    return purpose.title or getattr(purpose, "title_ru", "") or purpose.code


def withdrawing(subject: DataSubject, mine: Mine) -> Withdrawing:
    """What will happen if the person withdraws this consent now (94-V art. 8(2), policy 7.1)."""
    contracts = ledger.blocking_contracts(subject, mine.form, mine.scope) if mine.standing.is_ground else []
    given = mine.standing.given
    if mine.elsewhere:
        other, standing = mine.elsewhere
        contracts = [*contracts, *ledger.blocking_contracts(other, mine.form, mine.scope)]
        given = given or standing.given
    items = (
        FormItem.objects.filter(version=given.version_id, kind=ItemKind.PURPOSE).select_related("purpose")
        if given and given.version_id
        else FormItem.objects.none()
    )
    stops, goes_on = [], []
    for purpose in (item.purpose for item in items if item.purpose):
        (goes_on if contracts and purpose.required else stops).append(_title(purpose))
    by_law = [_title(purpose) for purpose in Purpose.objects.in_force().filter(ground=Ground.LAW)]
    return Withdrawing(contracts, stops, goes_on, by_law)
