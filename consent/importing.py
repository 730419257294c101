"""Day one of a real organisation: consents kept in a spreadsheet, with what is known of them and no more.

CSV in UTF-8, one line a consent, headers in three languages. Everything is checked first; every bad row is named with
its column and reason; the good rows are written in one transaction. The same row again is the same consent. Evidence
is `imported`: version and language may be unknown, and then the consent covers nothing that we could name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from typing import BinaryIO, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent import advertising, derivation, feed, ledger, stopping
from consent.acts import Proof
from consent.enums import GROUNDS, Channel, EventKind, FormState, ScopeKind, Trust
from consent.models import Change, ConsentEvent, ConsentForm, ConsentFormVersion, ConsentState
from policies.models import PolicyVersion
from staff.enums import Language
from subjects import duplicates, evidence, search
from subjects.csv_file import File, Headers, WholeFile
from subjects.csv_problems import REASONS, RowProblem
from subjects.enums import IndexKind
from subjects.importing import Progress
from subjects.models import DataSubject

BATCH = 1000
MOST_PROBLEMS = 1000
KINDS = {kind.value: kind for kind in (EventKind.GIVEN, EventKind.REFUSED, EventKind.WITHDRAWN)}
HEADERS: Headers = {
    "client_number": {
        "en": ("client number", "client no", "client id"),
        "ru": ("номер клиента", "№ клиента", "код клиента"),
        "kk": ("клиент нөмірі", "клиенттің нөмірі", "клиент коды"),
    },
    "form": {"en": ("form", "consent form"), "ru": ("форма", "форма согласия"), "kk": ("нысан", "келісім нысаны")},
    "decision": {"en": ("decision",), "ru": ("решение",), "kk": ("шешім",)},
    "date": {"en": ("date",), "ru": ("дата",), "kk": ("күні",)},
    "version": {"en": ("version",), "ru": ("версия", "редакция"), "kk": ("нұсқа", "редакция")},
    "language": {"en": ("language",), "ru": ("язык",), "kk": ("тіл", "тілі")},
    "scope": {"en": ("about",), "ru": ("предмет",), "kk": ("мәні",)},
    "scan": {"en": ("scan", "file reference"), "ru": ("скан", "ссылка на скан"), "kk": ("скан", "скан сілтемесі")},
}
REQUIRED = ("client_number", "form", "decision", "date")
REASONS.update(
    {
        "consent_client_unknown": _("Nobody has this client number. Import the person first."),
        "consent_form_unknown": _("There is no such form. The forms are: %(allowed)s."),
        "consent_version_unknown": _("The form has no approved version with this number. Leave it empty if unknown."),
        "consent_date_future": _("The date lies in the future. Check it."),
        "consent_cell_empty": _("The cell is empty. Fill it in."),
        "consent_scope": _("The scope is written as %(expected)s. Mend the cell."),
        "consent_scan": _("A reference to a scan has at most 80 letters, digits and the signs - _ . / only."),
        "consent_same": _("Row %(row)s says the same. Keep one of the two."),
    }
)
SIGNS = frozenset("-_./")


class ConsentRow(NamedTuple):
    """A row that may be imported; number: its line. Of version and language None and "" mean "unknown"."""

    number: int
    client_number: str
    form: ConsentForm
    scope: str
    kind: str
    occurred_at: datetime
    version: ConsentFormVersion | None
    language: str
    scan: str


@dataclass(slots=True)
class Checked:
    """What a file holds: good rows, faults in the order of the file (at most MOST_PROBLEMS), rows in all.

    Nothing is good and worth a warning yet; a run keeps both.
    """

    rows: list[ConsentRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    warnings: list[RowProblem] = field(default_factory=list)
    more_problems: int = 0
    more_warnings: int = 0
    total: int = 0

    def refuse(self, problem: RowProblem) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more_problems += 1


class Outcome(NamedTuple):
    """What an import did: rows, of them new events, and rows that were there already."""

    rows: int
    added: int
    unchanged: int


def template(language: str) -> bytes:
    """An empty file with the headers of `language` (kk, ru, en), as Excel opens it: UTF-8 with a byte order mark."""
    return ("\ufeff" + ";".join(names[language][0] for names in HEADERS.values()) + "\r\n").encode()


def examine(stream: BinaryIO) -> Checked:
    """Check a whole file against the forms and people we have; nothing is written. No exception for a bad file."""
    checked = Checked()
    try:
        _examine(File(stream, HEADERS, REQUIRED), checked)
    except WholeFile as error:
        checked.rows = []
        checked.problems.insert(0, error.problem)
    checked.problems.sort(key=lambda problem: problem.row)
    return checked


def _examine(file: File, checked: Checked) -> None:
    for problem in file.problems:
        checked.refuse(problem)
    reader = _Reader(file.labels)
    seen: dict[tuple, int] = {}
    for number, cells, malformed in file.rows():
        checked.total += 1
        if malformed:
            checked.refuse(malformed)
            continue
        row, problems = reader.read(number, cells)
        if row and (other := seen.setdefault((row.client_number, row.form.pk, *row[3:6]), number)) != number:
            problems.append(RowProblem(number, "", "consent_same", {"row": other}))
        for problem in problems:
            checked.refuse(problem)
        if row and not problems and not file.problems:
            checked.rows.append(row)
    for batch in _batches(checked.rows):
        known = _people(batch)
        for row in batch:
            if row.client_number not in known:
                label = file.labels["client_number"]
                checked.refuse(RowProblem(row.number, label, "consent_client_unknown", {}))
    bad = {problem.row for problem in checked.problems}
    checked.rows = [row for row in checked.rows if row.number not in bad]


class _Reader:
    """Reads rows against the forms we have, which are few and loaded once."""

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels
        self.forms = {form.code.casefold(): form for form in ConsentForm.objects.all()}
        approved = ConsentFormVersion.objects.filter(state=FormState.APPROVED).select_related("form")
        self.versions = {(version.form_id, version.number): version for version in approved}

    def read(self, number: int, cells: dict[str, str]) -> tuple[ConsentRow | None, list[RowProblem]]:
        """The row, and what is wrong with it; with problems there may be no row."""
        problems: list[RowProblem] = []

        def refuse(column: str, code: str, **params: str | int) -> None:
            problems.append(RowProblem(number, self.labels.get(column, ""), code, params))

        values = {column: cells.get(column, "").strip() for column in HEADERS}
        for column in REQUIRED:
            if column in self.labels and not values[column]:
                refuse(column, "consent_cell_empty")
        form = self.forms.get(values["form"].casefold())
        if values["form"] and form is None:
            refuse("form", "consent_form_unknown", allowed=", ".join(f.code for f in self.forms.values()))
        kind = KINDS.get(values["decision"].casefold())
        if values["decision"] and kind is None:
            refuse("decision", "not_allowed", allowed=", ".join(KINDS))
        day = _day(values["date"])
        if values["date"] and day is None:
            refuse("date", "birth_date_format")
        elif day and day > timezone.localdate():
            refuse("date", "consent_date_future")
        version = None
        if form and values["version"]:
            digits = values["version"]
            version = self.versions.get((form.pk, int(digits))) if digits.isascii() and digits.isdigit() else None
            if version is None:
                refuse("version", "consent_version_unknown")
        language = values["language"].casefold()
        if language and language not in Language.values:
            refuse("language", "not_allowed", allowed=", ".join(Language.values))
        if form and values["scope"] and not _scope_fits(form, values["scope"]):
            refuse(
                "scope", "consent_scope", expected="" if form.scope_kind == ScopeKind.WHOLE else f"{form.scope_kind}:12"
            )
        scan = values["scan"]
        if scan and not (len(scan) <= 80 and all(c.isalnum() or c in SIGNS for c in scan)):
            refuse("scan", "consent_scan")
        if problems or form is None or kind is None or day is None or not values["client_number"]:
            return None, problems
        moment = timezone.make_aware(datetime.combine(day, time.min))
        return ConsentRow(
            number, values["client_number"], form, values["scope"], kind.value, moment, version, language, scan
        ), problems


def _scope_fits(form: ConsentForm, scope: str) -> bool:
    kind, colon, rest = scope.partition(":")
    kinds = {"contract", "application"} if form.scope_kind == ScopeKind.CONTRACT else {form.scope_kind}
    return bool(colon) and kind in kinds and rest.isascii() and rest.isalnum() and len(scope) <= 80


def _day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _batches(rows: Sequence[ConsentRow]) -> Iterator[list[ConsentRow]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _people(rows: Sequence[ConsentRow]) -> dict[str, DataSubject]:
    """{client number: person}; one query. A number that cannot be one is nobody's."""
    digests = {}
    for row in rows:
        try:
            digests[search.digest(IndexKind.CLIENT_NUMBER, row.client_number)] = row.client_number
        except ValidationError:
            continue
    keys = search.among(IndexKind.CLIENT_NUMBER, digests).select_related("subject")
    return {digests[bytes(key.digest)]: key.subject for key in keys}


@transaction.atomic
def load(rows: Sequence[ConsentRow], *, progress: Progress = lambda done, total: None) -> Outcome:
    """Write the rows that `examine` found good, in one transaction; about eight statements for each thousand.

    `progress(done, total)` is told after every batch.
    """
    added = done = 0
    for batch in _batches(rows):
        added += _load(batch)
        done += len(batch)
        progress(done, len(rows))
    return Outcome(len(rows), added, len(rows) - added)


def _load(rows: Sequence[ConsentRow]) -> int:
    people = _people(rows)
    keys = {(people[row.client_number].pk, row.form.pk, row.scope) for row in rows}
    wanted = [ConsentState(subject_id=s, form_id=f, scope=scope) for s, f, scope in sorted(keys)]
    ConsentState.objects.bulk_create(wanted, ignore_conflicts=True)
    subjects = {subject.pk for subject in people.values()}
    # locked in one order, so two imports at once wait and do not embrace
    locked = ConsentState.objects.filter(subject__in=subjects).order_by("pk").select_for_update()
    states = {(s.subject_id, s.form_id, s.scope): s for s in locked}
    events: dict[tuple[int, int, str], list[ConsentEvent]] = {key: [] for key in keys}
    for event in ConsentEvent.objects.filter(subject__in=subjects).order_by("occurred_at", "pk"):
        if (key := (event.subject_id, event.form_id, event.scope)) in events:
            events[key].append(event)
    policies = _Policies()
    new = []
    for row in rows:
        subject = people[row.client_number]
        known = events[subject.pk, row.form.pk, row.scope]
        if any(
            e.channel == Channel.IMPORTED and e.kind == row.kind and e.occurred_at == row.occurred_at for e in known
        ):
            continue
        version = row.version
        until = ledger.term_end(version, row.occurred_at) if version and row.kind == EventKind.GIVEN else None
        parts = {"reference": row.scan}
        new.append(
            ConsentEvent(
                subject=subject,
                form=row.form,
                scope=row.scope,
                kind=row.kind,
                occurred_at=row.occurred_at,
                valid_until=until,
                version=version,
                language=row.language,
                channel=Channel.IMPORTED,
                trust=Trust.IMPORTED,
                policy_version=policies.at(row.occurred_at),
                sealed_evidence=evidence.seal(subject=subject, what="consent.event", parts=parts) if row.scan else None,
            )
        )
    for event in ConsentEvent.objects.bulk_create(new):
        events[event.subject_id, event.form_id, event.scope].append(event)
    last = {(event.subject_id, event.form_id, event.scope): event for event in new}
    changes: list[Change] = []
    for key, event in last.items():
        standing = derivation.fold(events[key])
        for name, value in standing._asdict().items():
            setattr(states[key], name, value)
        changes += [change] if (change := feed.change_of(event, standing)) else []
    changed = [states[key] for key in last]
    ConsentState.objects.bulk_update(changed, list(derivation.Standing._fields), batch_size=BATCH)
    Change.objects.bulk_create(changes)
    advertising.follow(last.values())
    for key, event in last.items():  # seldom: only the end of the main consent stops the use of a person's data
        if event.form.code == stopping.MAIN_FORM and states[key].state not in GROUNDS:
            stopping.keep_standing(states[key], event)
    _carry([event for event in new if event.kind == EventKind.WITHDRAWN])
    return len(new)


def _carry(withdrawals: Sequence[ConsentEvent]) -> None:
    """What a person known twice withdrew ends in their other files too (ADR 17); one query when nobody is."""
    known_twice = duplicates.other_files({event.subject_id for event in withdrawals}) if withdrawals else set()
    for event in (event for event in withdrawals if event.subject_id in known_twice):
        for one in duplicates.every_file(event.subject):
            if one != event.subject and ledger.stands(one, event.form, event.scope, event.occurred_at):
                ledger.withdraw(
                    subject=one,
                    form=event.form,
                    scope=event.scope,
                    proof=Proof(Channel.IMPORTED, Trust.IMPORTED),
                    occurred_at=event.occurred_at,
                )


class _Policies:
    """The policy in force at a moment, from one query."""

    def __init__(self) -> None:
        self.published = list(PolicyVersion.objects.published().order_by("policy", "number"))

    def at(self, moment: datetime) -> PolicyVersion | None:
        return next((version for version in self.published if moment in version.in_force_during), None)
