"""Values of people from a CSV file, a line a value: every category but those that come with the people themselves.

Columns: `client_number`, `category` (a code of the approved list), the parts of the value as `formats` names them,
`origin`, `collected_on`, `override` where a doubtful value is right. Everything is checked before anything is written;
new values go in by COPY. Of a category with several values one that is not held is added; of one with a single value
another one takes its place, but not a value that somebody has corrected here.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from typing import BinaryIO, NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.actor import because
from subjects import copying, corrections, formats, recording, rules, search, vault
from subjects.csv_file import File, Headers, WholeFile
from subjects.csv_problems import REASONS, RowProblem
from subjects.csv_rows import Checked
from subjects.enums import Disclosure, IndexKind, Origin, OverrideReason, Source
from subjects.importing import Progress, known_people
from subjects.models import DataCategory, DataSubject, PersonalData, SearchKey
from subjects.vault import Parts

BATCH = 2000
JOB = "import-values"
# these come with the people (`csv_rows`), and letters and codes go to the last
ELSEWHERE = frozenset(corrections.COLUMNS)
PARTS = ("kind", "value", "iban", "bank", "number", "issued_by", "issued_on", "valid_until")
HEADERS: Headers = {
    "client_number": {
        "en": ("client number", "client no", "client id"),
        "ru": ("номер клиента", "№ клиента", "код клиента"),
        "kk": ("клиент нөмірі", "клиенттің нөмірі", "клиент коды"),
    },
    "category": {"en": ("category",), "ru": ("категория", "категория данных"), "kk": ("санат", "деректер санаты")},
    "kind": {"en": ("kind",), "ru": ("вид",), "kk": ("түрі",)},
    "value": {"en": ("value",), "ru": ("значение",), "kk": ("мәні",)},
    "iban": {"en": ("IBAN",), "ru": ("ИИК", "счёт"), "kk": ("ЖСК", "шот")},
    "bank": {"en": ("bank",), "ru": ("банк",), "kk": ("банк атауы",)},
    "number": {"en": ("number",), "ru": ("номер",), "kk": ("нөмірі",)},
    "issued_by": {"en": ("issued by",), "ru": ("кем выдан",), "kk": ("кім берген",)},
    "issued_on": {"en": ("issued on",), "ru": ("дата выдачи",), "kk": ("берілген күні",)},
    "valid_until": {"en": ("valid until",), "ru": ("действителен до",), "kk": ("жарамды мерзімі",)},
    "origin": {"en": ("origin",), "ru": ("чьи сведения", "источник"), "kk": ("дереккөз",)},
    "collected_on": {"en": ("collected on",), "ru": ("дата сбора",), "kk": ("жиналған күні",)},
    "override": {"en": ("why it is right",), "ru": ("почему верно",), "kk": ("неге дұрыс",)},
}
REQUIRED = ("client_number", "category")
REASONS.update(formats.MESSAGES)
REASONS.update(
    {
        "cell_empty": _("The cell is empty. Fill it in."),
        "client_unknown": _("Nobody has this client number. Import the person first."),
        "value_elsewhere": _("Names, IINs, mobile phones and e-mails come with the import of data subjects."),
        "value_same": _("Row %(row)s has a value of this category already. A person has one."),
        "day_future": _("This day is yet to come."),
    }
)


class ValueRow(NamedTuple):
    """A row that may be imported; number: its line."""

    number: int
    client_number: str
    category: str
    parts: Parts
    origin: str
    collected_at: datetime | None
    override: str


class Outcome(NamedTuple):
    """How many values are new, took another's place, were held already."""

    added: int
    changed: int
    unchanged: int


class GoodRows(Sequence[ValueRow]):
    """The good rows, read from the file anew by whoever goes through them."""

    def __init__(self, file: File, reader: "_Reader") -> None:
        self.file, self.reader = file, reader
        self.bad: set[int] = set()
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[ValueRow]:
        for number, cells, _malformed in self.file.rows() if self.count else ():
            if number not in self.bad and (row := self.reader.read(number, cells)[0]):
                yield row

    def __getitem__(self, index):
        return list(self)[index]


def template(language: str) -> bytes:
    """An empty file with the headers of `language` (kk, ru, en), as Excel opens it: UTF-8 with a byte order mark."""
    return ("\ufeff" + ";".join(names[language][0] for names in HEADERS.values()) + "\r\n").encode()


def examine(stream: BinaryIO, *, overrule: bool = False) -> Checked:
    """Check a whole file against the people and values we have; nothing is written. No exception for a bad file.

    stream: stays open until the rows are loaded. overrule: whether the file is right where a value was corrected here.
    """
    checked = Checked()
    try:
        _examine(File(stream, HEADERS, REQUIRED), checked, overrule)
    except WholeFile as error:
        checked.rows = ()
        checked.problems.insert(0, error.problem)
    checked.problems.sort(key=lambda problem: problem.row)
    return checked


def _examine(file: File, checked: Checked, overrule: bool) -> None:
    for problem in file.problems:
        checked.add_problem(problem)
    reader = _Reader(file.labels)
    good = GoodRows(file, reader)
    batch: list[ValueRow] = []
    single: dict[tuple[int, int], int] = {}
    for number, cells, malformed in file.rows():
        checked.total += 1
        row, problems = (None, [malformed]) if malformed else reader.read(number, cells)
        if row and not formats.category_of(row.category).many:
            other = single.setdefault((hash(row.client_number), hash(row.category)), number)
            if other != number:
                problems.append(RowProblem(number, file.labels["category"], "value_same", {"row": other}))
        for problem in problems:
            checked.add_problem(problem)
        if row is None or problems or file.problems:
            good.bad.add(number)
            continue
        batch.append(row)
        if len(batch) == BATCH:
            _look(batch, good, checked, file.labels, overrule)
            batch = []
    _look(batch, good, checked, file.labels, overrule)
    good.count = checked.total - len(good.bad)
    checked.rows = good if good.count else ()


def _look(batch: list[ValueRow], good: GoodRows, checked: Checked, labels: dict[str, str], overrule: bool) -> None:
    """What we know of the people of some rows: nobody, a person whose data is closed, a value corrected here."""
    people = known_people([row.client_number for row in batch])
    for row in batch:
        person = people.get(row.client_number)
        if person is None or not rules.is_open(person):
            code = "client_unknown" if person is None else "closed"
            checked.add_problem(RowProblem(row.number, labels["client_number"], code, {}))
            good.bad.add(row.number)
    if overrule:
        return
    wanted = {
        (people[row.client_number].pk, row.category): row
        for row in batch
        if row.number not in good.bad and not formats.category_of(row.category).many
    }
    for (pk, category), held in _held(wanted).items():
        row = wanted[pk, category]
        if held and held[-1].source in corrections.BY_HAND and held[-1].parts != row.parts:
            checked.add_warning(RowProblem(row.number, labels["category"], "corrected_here", {}))
            good.bad.add(row.number)


def _held(wanted) -> dict[tuple[int, str], list[vault.Value]]:
    """{(person, category): values} of what is asked for; a statement or two a category."""
    found: dict[tuple[int, str], list[vault.Value]] = {}
    by_category: dict[str, set[int]] = {}
    for pk, category in wanted:
        by_category.setdefault(category, set()).add(pk)
    for category, ids in by_category.items():
        for pk, value in vault.open_values_for(JOB, subject_ids=sorted(ids), category=category):
            found.setdefault((pk, category), []).append(value)
    return found


class _Reader:
    """Reads rows against the approved list, which is loaded once."""

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels
        self.today = timezone.localdate()
        self.categories = set(DataCategory.objects.values_list("code", flat=True))

    def read(self, number: int, cells: dict[str, str]) -> tuple[ValueRow | None, list[RowProblem]]:
        """The row, and what is wrong with it; with problems there may be no row."""
        problems: list[RowProblem] = []

        def refuse(column: str, code: str, **params: object) -> None:
            problems.append(RowProblem(number, self.labels.get(column, column), code, params))

        values = {column: cells.get(column, "").strip() for column in HEADERS}
        for column in REQUIRED:
            if not values[column]:
                refuse(column, "cell_empty")
        for column, text in values.items():
            if "\0" in text:
                refuse(column, "cell_nul")
        category = values["category"].casefold()
        if category and category not in self.categories:
            refuse("category", "category_unknown")
        elif category in formats.TECHNICAL:
            refuse("category", "technical")
        elif category in ELSEWHERE:
            refuse("category", "value_elsewhere")
        origin = values["origin"].casefold() or Origin.SUBJECT.value
        if origin not in Origin.values:
            refuse("origin", "not_allowed", allowed=", ".join(Origin.values))
        override = values["override"].casefold()
        if override and override not in OverrideReason.values:
            refuse("override", "not_allowed", allowed=", ".join(OverrideReason.values))
        collected = self._day(values["collected_on"], refuse)
        if problems:
            return None, problems
        known = formats.category_of(category)
        parts = {name: values[name] for name in PARTS if values[name]}
        checked = formats.check(category, parts=parts, today=self.today)
        for remark in (*checked.problems, *(() if override else checked.doubts)):
            refuse(remark.part if remark.part in HEADERS else "category", remark.code, **remark.params)
        if problems or set(parts) - set(known.parts):
            return None, problems
        return ValueRow(number, values["client_number"], category, checked.parts, origin, collected, override), problems

    def _day(self, text: str, refuse) -> datetime | None:
        if not text:
            return None
        try:
            day = date.fromisoformat(text) if "." not in text else date(*map(int, reversed(text.split("."))))
        except (ValueError, TypeError):
            refuse("collected_on", "birth_date_format")
            return None
        if day > self.today:
            refuse("collected_on", "day_future")
            return None
        if day.year < 1900:
            refuse("collected_on", "birth_date_format")
            return None
        return timezone.make_aware(datetime.combine(day, time.min))


@transaction.atomic
def load(rows: Sequence[ValueRow], *, progress: Progress = lambda done, total: None) -> Outcome:
    """Write checked rows, all or none; `progress(done, total)` is told after every batch.

    Cost: a few statements a batch and category; two and a few more for every value that takes another's place.
    """
    categories = {row.code: row for row in DataCategory.objects.all()}
    added = changed = done = 0
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        new, other = _write(batch, categories)
        added, changed, done = added + new, changed + other, done + len(batch)
        progress(done, len(rows))
    return Outcome(added, changed, done - added - changed)


def _write(batch: list[ValueRow], categories: dict[str, DataCategory]) -> tuple[int, int]:
    people = known_people([row.client_number for row in batch])
    locked = DataSubject.objects.select_for_update().filter(pk__in=[person.pk for person in people.values()])
    list(locked.order_by("pk").values_list("pk"))
    held = _held({(people[row.client_number].pk, row.category) for row in batch})
    fresh: list[tuple[DataSubject, ValueRow]] = []
    changed = 0
    for row in batch:
        person = people[row.client_number]
        mine = held.setdefault((person.pk, row.category), [])
        if any(value.parts == row.parts for value in mine):
            continue
        if mine and not formats.category_of(row.category).many:
            _change(mine[-1].id, row)
            changed += 1
        else:
            fresh.append((person, row))
        mine.append(vault.Value(0, row.category, row.parts, Source.IMPORT))
    if fresh:
        _add(fresh, categories)
    return len(fresh), changed


def _change(pk: int, row: ValueRow) -> None:
    value = PersonalData.objects.select_related("subject", "category").get(pk=pk)
    with because(row.override):
        vault.change(
            value=value,
            parts=row.parts,
            source=Source.IMPORT,
            origin=row.origin,
            collected_at=row.collected_at or timezone.now(),
        )


def _add(fresh: list[tuple[DataSubject, ValueRow]], categories: dict[str, DataCategory]) -> None:
    wanted = {(person.pk, categories[row.category].retention_class) for person, row in fresh}
    keys = vault.keys_for(wanted)
    now = timezone.now()

    def lines() -> Iterator[str]:
        for person, row in fresh:
            category = categories[row.category]
            name = category.retention_class
            sealed = vault.seal(
                keys[person.pk, name],
                row.parts,
                subject=person.public_id,
                retention_class=name,
                category=row.category,
            )
            at = (row.collected_at or now).isoformat()
            yield (
                f"{person.pk}\t{category.pk}\t{name}\t{copying.as_bytes(sealed)}\t{row.origin}\t{Source.IMPORT.value}"
                f"\t{at}\t{Disclosure.SUBJECT.value}\n"
            )

    copying.copy(
        PersonalData._meta.db_table,
        (
            "subject_id", "category_id", "retention_class", "sealed", "origin", "source", "collected_at",
            "disclosure",
        ),
        lines(),
    )  # fmt: skip
    phones = {
        (person.pk, *search.key_of_normal(IndexKind.OTHER_PHONE.value, row.parts["value"]))
        for person, row in fresh
        if recording.FOUND_BY.get(row.category) == IndexKind.OTHER_PHONE
    }
    if phones:
        there = SearchKey.objects.filter(kind=IndexKind.OTHER_PHONE, subject__in={pk for pk, *_key in phones})
        have = {(pk, bytes(digest)) for pk, digest in there.values_list("subject", "digest")}
        copying.copy(
            SearchKey._meta.db_table,
            ("subject_id", "kind", "digest", "hint"),
            (
                f"{pk}\t{kind}\t{copying.as_bytes(digest)}\t{copying.as_text(hint)}\n"
                for pk, kind, digest, hint in sorted(phones)
                if (pk, digest) not in have
            ),
        )
