"""Which line belongs to which sending: the same in the database as line by line, and never all of it in memory."""

import random
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import date, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from audit.actor import acting_as
from subjects.enums import IndexKind
from subjects.models import SearchKey
from subjects.search import keys_of
from tests.staff.conftest import member  # noqa: F401
from tests.transfers import factories
from tests.transfers.test_reconciling import HEADER, IIN, compared, counts, desk, made, sent  # noqa: F401
from transfers import pairing, statement_file
from transfers.models import Reconciliation, ReconciliationRow, Release
from transfers.statement_file import StatementRow

SETS = (("full_name",), ("iin",), ("full_name", "iin"))


def by_hand(lines: Sequence[tuple[Hashable, int, tuple | None]], releases: Sequence[tuple[Hashable, int, tuple]]):
    """{line: release} as a person would do it: each line in turn takes the first alike, else the first."""
    waiting, paired = defaultdict(list), {}
    for name, pk, categories in releases:
        waiting[name].append((pk, categories))
    for name, number, categories in lines:
        if left := waiting.get(name):
            same = [one for one in left if categories is None or one[1] == categories]
            taken = (same or left)[0]
            left.remove(taken)
            paired[number] = taken[0]
    return paired


@pytest.mark.parametrize("seed", range(200))
def test_lines_take_what_they_would_take_one_by_one(seed):
    chance = random.Random(seed)
    names = "abc"[: chance.randint(1, 3)]
    releases = [(chance.choice(names), pk, chance.choice(SETS)) for pk in range(chance.randint(0, 12))]
    lines = [(chance.choice(names), n, chance.choice((*SETS, None, ()))) for n in range(chance.randint(0, 12))]
    rows = [(name, 0, pk, list(some)) for name, pk, some in releases]
    rows += [(name, 1, n, None if some is None else list(some)) for name, n, some in lines]
    rows.sort(key=lambda row: row[:3])
    assert dict(pairing.pairs(rows)) == by_hand(lines, releases)


def paired_by_hand(rows: Sequence[StatementRow], releases: Sequence[Release]) -> dict[int, int]:
    """{line: transfer}: our number, then theirs, then the person and the day."""
    people = {bytes(key.digest): key.subject_id for key in SearchKey.objects.filter(kind=IndexKind.IIN)}
    paired: dict[int, int] = {}

    def by(of_row: Callable, of_release: Callable) -> None:
        left = [one for one in releases if one.transfer_id not in paired.values() and of_release(one)]
        theirs = [
            (of_row(row), row.number, None if row.categories is None else tuple(sorted(row.categories)))
            for row in rows
            if row.number not in paired and of_row(row)
        ]
        ours = [(of_release(one), one.transfer_id, tuple(sorted(set(one.transfer.categories)))) for one in left]
        paired.update(by_hand(theirs, ours))

    by(lambda row: row.transfer, lambda release: release.transfer.public_id)
    by(lambda row: row.reference if row.transfer is None else "", lambda release: release.reference)
    by(
        lambda row: (people[row.iin], row.day) if row.transfer is None and row.iin in people else None,
        lambda release: (release.transfer.subject_id, timezone.localdate(release.at)),
    )
    return paired


@pytest.fixture
def many(made):  # noqa: F811
    """Sendings of two persons under few names, so that lines compete for them."""
    other = factories.DataSubjectFactory(email=None)
    kind, digest, hint = keys_of("iin", "921130490023")
    SearchKey.objects.create(subject=other, kind=kind, digest=digest, hint=hint)
    factories.happened(other, made.text, scope=made.scope)
    chance = random.Random(11)
    for place in range(24):
        who = (made.person, other)[place % 2].reference
        sent(made, chance.choice(("", "", "A", "B")), subject=who, categories=chance.choice(SETS))
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_statement_is_paired_as_it_would_be_by_hand_whatever_its_order(many, desk, seed, monkeypatch):  # noqa: F811
    monkeypatch.setattr(pairing, "LINES", 3)
    chance, today, lines = random.Random(seed), timezone.localdate(), []
    numbers = [str(release.transfer.public_id) for release in Release.objects.select_related("transfer")]
    for _line in range(60):
        transfer = chance.choice((*chance.sample(numbers, 4), "", "", "", "", str(uuid4())))
        reference = chance.choice(("", "", "A", "B", "C", r"back\slash"))
        iin = chance.choice(("", IIN, "921130490023", "880101300010"))
        day = today - timedelta(days=chance.choice((0, 0, 0, 1)))
        told = chance.choice(("", "iin", "full_name", '"iin, full_name"'))
        lines.append(f"{transfer};{reference};{iin if transfer or reference else iin or IIN};{day};{told}")
    run = compared(desk, many, *lines)
    assert run.state == "done" and run.rows_good == 60
    file = BytesIO("\n".join([HEADER, *lines]).encode())
    rows = list(statement_file.examine(file, run).rows)
    expected = paired_by_hand(rows, list(Release.objects.select_related("transfer").order_by("pk")))
    kept = run.rows.order_by("pk")
    assert {row.number: row.transfer_id for row in kept if row.number and row.transfer_id} == expected
    assert [row.number for row in kept if row.number] == [row.number for row in rows], "in the order of the file"
    ours = [row.transfer_id for row in kept if not row.number]
    assert sorted([*expected.values(), *ours]) == sorted(Release.objects.values_list("transfer_id", flat=True))
    assert ours == sorted(ours) and len(expected) > 12
    told = {row.number: row for row in rows}
    for row in kept:
        if row.number:
            theirs = told[row.number].categories
            alike = theirs is None or (row.transfer and theirs == set(row.transfer.categories))
            assert row.outcome == ("theirs_only" if not row.transfer else "matched" if alike else "differing")
            assert (row.day, row.categories) == (told[row.number].day, sorted(theirs or ()))
        else:
            assert (row.outcome, row.day) == ("ours_only", today)
    assert sum(counts(run)) == kept.count()


def known_as(person, iin: str, kind: str = "evidence_iin") -> None:
    kind, digest, hint = keys_of(kind, iin)
    SearchKey.objects.create(subject=person, kind=kind, digest=digest, hint=hint)


@pytest.mark.django_db
def test_a_recipient_that_got_the_number_from_before_a_correction_names_the_person_by_it(made, desk):  # noqa: F811
    wrong, today = "921130490023", timezone.localdate()
    kept, nobody = sent(made), factories.DataSubjectFactory(email=None)
    known_as(made.person, wrong)
    run = compared(desk, made, f";;{wrong};{today};")
    assert (counts(run), run.rows.get().transfer) == ((1, 0, 0, 0), kept)
    # the number was another person's all the time: who has it today is meant first
    known_as(nobody, wrong, "iin")
    factories.happened(nobody, made.text, scope=made.scope)
    theirs = sent(made, subject=nobody.reference)
    run = compared(desk, made, f";;{wrong};{today};", f";;{wrong};{today};")
    assert [row.transfer for row in run.rows.order_by("number")] == [theirs, kept]
    # it was corrected with two persons: whom the line is about nobody can say
    known_as(nobody, wrong)
    run = compared(desk, made, f";;{wrong};{today};", f";;{wrong};{today};")
    assert counts(run) == (1, 0, 1, 1)


@pytest.mark.django_db
def test_one_withheld_sending_withholds_the_whole_comparison(desk):  # noqa: F811
    """Of a recipient of whom most is told: what it is decides nothing here."""
    hushed = factories.world(
        kind="state_credit_bureau", code="hush", ground="law", purpose="hush", agreement=False, disclosure="withheld"
    )
    assert compared(desk, hushed, f";A;;{timezone.localdate()};").disclosure == "subject"
    sent(hushed)
    assert compared(desk, hushed, f";A;;{timezone.localdate()};").disclosure == "withheld"


@pytest.mark.django_db
def test_nothing_of_the_statement_stays_beside_its_rows(made, desk):  # noqa: F811
    compared(desk, made, f";;{IIN};{timezone.localdate()};")
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE 'statement%'")
        assert cursor.fetchall() == []


@pytest.mark.django_db
def test_a_sign_the_database_cannot_hold_names_nothing(made, desk):  # noqa: F811
    kept = sent(made, "A")
    run = compared(desk, made, f";A\0;;{timezone.localdate()};", f";A;;{timezone.localdate()};")
    assert (run.state, counts(run)) == ("done", (1, 0, 1, 0))
    assert run.rows.get(number=3).transfer == kept


@pytest.mark.django_db
def test_all_of_it_or_nothing(made, desk, monkeypatch):  # noqa: F811
    sent(made)
    monkeypatch.setattr(pairing, "_OURS_ONLY", "SELECT 1 / 0")
    with pytest.raises(Exception, match="division by zero"):
        compared(desk, made, f";;{IIN};{timezone.localdate()};")
    run = Reconciliation.objects.get()
    assert run.state == "failed" and not ReconciliationRow.objects.exists()
    monkeypatch.undo()
    assert counts(compared(desk, made, f";;{IIN};{timezone.localdate()};")) == (1, 0, 0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("many", [1_500, 6_000])
def test_lines_go_in_while_they_are_read_and_statements_do_not_grow_with_them(made, many):  # noqa: F811
    run = Reconciliation.objects.create(
        recipient=made.recipient, since=date(2026, 3, 1), until=date(2026, 3, 31), sha256="0" * 64
    )
    read, told, statements = [], [], []

    def lines():
        for number in range(2, many + 2):
            read.append(number)
            yield StatementRow(number, None, f"R-{number}", None, date(2026, 3, 6), None)

    def counting(execute, *given):
        statements.append(given[0])
        return execute(*given)

    with acting_as("job:import"), connection.execute_wrapper(counting):
        laid = pairing.lay(run, lines(), lambda done: told.append((done, len(read))))
    assert laid.counts == {"theirs_only": many} and not laid.withheld
    assert told[0] == (1_000, 1_000) and told[-1] == (many, many), "told while it is read"
    assert len(statements) < 20


@pytest.mark.django_db
def test_a_file_is_read_again_and_not_remembered(made):  # noqa: F811
    run = Reconciliation(recipient=made.recipient, since=date(2026, 3, 1), until=date(2026, 3, 31))
    lines = [HEADER, ";A;;2026-03-06;", ";;;2026-03-06;", ";B;;2026-03-07;"]
    rows = statement_file.examine(BytesIO("\n".join(lines).encode()), run).rows
    assert len(rows) == 2 and rows and not isinstance(rows, list)
    for _time in range(2):
        assert [(row.number, row.reference) for row in rows] == [(2, "A"), (4, "B")]
