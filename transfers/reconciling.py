"""Laying a recipient's statement beside our register: the same, other categories, only theirs, only ours.

A line belongs to the transfer it names by our number; else to one by the recipient's own number; else to one about the
same person on the same day. Each transfer is taken once.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import datetime, time, timedelta
from itertools import chain
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.spreadsheet import Sheet, sheets_of, workbook
from subjects.enums import Disclosure, IndexKind
from subjects.importing import Progress
from subjects.models import DataCategory, SearchKey
from transfers.checked_files import BATCH, in_batches
from transfers.enums import Direction
from transfers.models import Reconciliation, ReconciliationRow, Release
from transfers.statement_file import StatementRow

Outcome = ReconciliationRow.Outcome
COUNTED = {
    Outcome.MATCHED: "matched",
    Outcome.DIFFERING: "differing",
    Outcome.THEIRS_ONLY: "theirs_only",
    Outcome.OURS_ONLY: "ours_only",
}


def ours(run: Reconciliation) -> list[Release]:
    """What our register says was sent to the recipient on these days, the last one included."""
    zone = timezone.get_current_timezone()
    begin = datetime.combine(run.since, time.min, zone)
    end = datetime.combine(run.until + timedelta(days=1), time.min, zone)
    rows = Release.objects.filter(
        transfer__recipient=run.recipient, transfer__direction=Direction.OUTGOING, at__gte=begin, at__lt=end
    )
    return list(rows.select_related("transfer").defer("transfer__inputs").order_by("pk"))


def _people(rows: Sequence[StatementRow]) -> dict[bytes, int]:
    """{digest of an IIN: person}, in batches."""
    found: dict[bytes, int] = {}
    for batch in in_batches({row.iin for row in rows if row.iin}):
        keys = SearchKey.objects.filter(kind=IndexKind.IIN, digest__in=batch)
        found |= {bytes(key.digest): key.subject_id for key in keys}
    return found


def pair(rows: Sequence[StatementRow], releases: Sequence[Release]) -> dict[int, Release]:
    """{line: the release it belongs to}; surer names first, so that a weaker one never takes what a surer one named."""
    people, paired, taken = _people(rows), dict[int, Release](), set[int]()

    def by(of_row: Callable[[StatementRow], Hashable], of_release: Callable[[Release], Hashable]) -> None:
        waiting: dict[Hashable, list[Release]] = defaultdict(list)
        for release in releases:
            if release.pk not in taken and (name := of_release(release)):
                waiting[name].append(release)
        for row in rows:
            name = of_row(row)
            if row.number not in paired and name and waiting.get(name):
                release = _fitting(row, waiting[name])
                waiting[name].remove(release)
                paired[row.number] = release
                taken.add(release.pk)

    def person_and_day(row: StatementRow) -> Hashable:
        person = people.get(row.iin) if row.iin else None
        # a line that names a transfer of ours is never another one
        return (person, row.day) if person and row.transfer is None else None

    by(lambda row: row.transfer, lambda release: release.transfer.public_id)
    by(lambda row: row.reference if row.transfer is None else "", lambda release: release.reference)
    by(person_and_day, lambda release: (release.transfer.subject_id, timezone.localdate(release.at)))
    return paired


def _fitting(row: StatementRow, releases: list[Release]) -> Release:
    """Of several the first with the same categories, else the first."""
    same = [one for one in releases if row.categories is None or row.categories == set(one.transfer.categories)]
    return (same or releases)[0]


@transaction.atomic
def lay_beside(run: Reconciliation, rows: Sequence[StatementRow], progress: Progress) -> dict[str, int]:
    """Keep what belongs together and what does not; {field of the run: count}.

    A run that speaks of a withheld transfer is withheld itself.
    """
    releases = ours(run)
    if any(release.transfer.disclosure == Disclosure.WITHHELD for release in releases):
        run.disclosure = Disclosure.WITHHELD
    paired = pair(rows, releases)
    counts = dict.fromkeys(COUNTED.values(), 0)
    kept: list[ReconciliationRow] = []

    def keep(outcome: Outcome, row: StatementRow | None, release: Release | None) -> None:
        counts[COUNTED[outcome]] += 1
        kept.append(
            ReconciliationRow(
                reconciliation=run,
                outcome=outcome,
                number=row.number if row else None,
                day=row.day if row else timezone.localdate(release.at) if release else None,
                categories=sorted(row.categories or ()) if row else [],
                transfer=release.transfer if release else None,
            )
        )

    for row in rows:
        release = paired.get(row.number)
        if release is None:
            keep(Outcome.THEIRS_ONLY, row, None)
        elif row.categories is not None and row.categories != set(release.transfer.categories):
            keep(Outcome.DIFFERING, row, release)
        else:
            keep(Outcome.MATCHED, row, release)
    named = {release.pk for release in paired.values()}
    for release in releases:
        if release.pk not in named:
            keep(Outcome.OURS_ONLY, None, release)
    for done, batch in enumerate(in_batches(kept), start=1):
        ReconciliationRow.objects.bulk_create(batch)
        progress(min(done * BATCH, len(rows)), len(rows))
    return counts


def report(run: Reconciliation) -> bytes:
    """XLSX: every row with its outcome; what differs first. It holds references of people and no data of theirs."""
    titles = {row.code: str(row) for row in DataCategory.objects.all()}

    def words(codes: list[str]) -> str:
        return ", ".join(titles.get(code, code) for code in codes)

    heading = [
        _("Outcome"), _("Row of the statement"), _("Day"), _("Transfer"), _("Data subject"), _("Our categories"),
        _("Their categories"),
    ]  # fmt: skip

    def table() -> Iterator[list[Any]]:
        for outcome in (Outcome.THEIRS_ONLY, Outcome.OURS_ONLY, Outcome.DIFFERING, Outcome.MATCHED):
            rows = ReconciliationRow.objects.filter(reconciliation=run, outcome=outcome)
            rows = rows.select_related("transfer__subject").defer("transfer__inputs").order_by("pk")
            for row in rows.iterator(chunk_size=2000):
                transfer = row.transfer
                yield [
                    row.get_outcome_display(),
                    row.number,
                    row.day,
                    str(transfer.public_id) if transfer else "",
                    transfer.subject.reference if transfer else "",
                    words(transfer.categories) if transfer else "",
                    words(row.categories),
                ]

    about = [
        [_("Reconciliation"), str(run)],
        [_("Recipient"), str(run.recipient)],
        [_("From"), run.since],
        [_("To"), run.until],
        [_("The same"), run.matched],
        [_("Other categories"), run.differing],
        [_("In the statement only"), run.theirs_only],
        [_("In our register only"), run.ours_only],
        [_("Rows of the statement with problems"), len(run.problems) + run.more_problems],
        [_("SHA-256 of the file"), run.sha256],
    ]
    return workbook(chain(sheets_of(_("Rows"), heading, table()), [Sheet(_("About"), about)]))
