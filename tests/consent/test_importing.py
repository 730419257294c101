"""Older consents come in from a spreadsheet, with what is known of them and no more (issue 3, day one)."""

from datetime import date, datetime, time, timedelta
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from consent import importing, ledger, rebuilding
from consent.models import Change, ConsentEvent
from tests.consent.factories import BY_CODE, form, version
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
HEADER = "client number;form;decision;date;version;language;scope;scan\n"


def file(*rows: str, header: str = HEADER) -> BytesIO:
    return BytesIO((header + "\n".join(rows)).encode())


def told(*rows: str, header: str = HEADER) -> list[str]:
    with translation.override("en"):
        return [str(problem) for problem in importing.examine(file(*rows, header=header)).problems]


@pytest.fixture
def person():
    return DataSubjectFactory(client_number="A-1", email=None)


def test_what_is_known_is_kept_and_the_unknown_stays_unknown(person):
    of = version(form("C2"))
    version(form("C8"), term="P1Y")
    checked = importing.examine(
        file("A-1;c2;given;2026-03-06;1;kk;;box-7/114", "A-1;C8;given;06.03.2026;;;;", "A-1;C3;refused;2026-03-06;;;;")
    )
    assert [str(p) for p in checked.problems] == [str(p) for p in checked.problems if p.code == "consent_form_unknown"]
    form("C3")
    checked = importing.examine(
        file("A-1;c2;given;2026-03-06;1;kk;;box-7/114", "A-1;C8;given;06.03.2026;;;;", "A-1;C3;refused;2026-03-06;;;;")
    )
    assert importing.load(checked.rows) == (3, 3, 0)
    standings = ledger.standings(person)
    assert {key: standing.state for key, standing in standings.items()} == {
        ("C2", ""): "given",
        ("C8", ""): "given",
        ("C3", ""): "refused",
    }
    event = ConsentEvent.objects.get(form__code="C2")
    assert (event.version, event.language, event.trust, event.channel) == (of, "kk", "imported", "imported")
    assert timezone.localtime(event.occurred_at) == timezone.make_aware(datetime.combine(date(2026, 3, 6), time.min))
    assert b"box-7" not in bytes(event.sealed_evidence)
    unknown = ConsentEvent.objects.get(form__code="C8")
    assert (unknown.version, unknown.language, unknown.valid_until) == (None, "", None)


def test_the_same_file_again_changes_nothing(person):
    form("C2")
    rows = importing.examine(file("A-1;C2;given;2026-03-06;;;;")).rows
    importing.load(rows)
    assert importing.load(rows) == (1, 0, 1)
    assert ConsentEvent.objects.count() == 1


def test_an_older_consent_does_not_undo_a_withdrawal_that_came_after_it(person):
    of = version(form("C8"))
    ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
    importing.load(importing.examine(file("A-1;C8;given;2026-03-06;;;;")).rows)
    assert ledger.standings(person)["C8", ""].state == "withdrawn"
    assert rebuilding.rebuild() == 0


def test_every_bad_row_is_named_with_its_column_and_reason(person):
    form("C2")
    form("C3", scope_kind="recipient")
    tomorrow = timezone.localdate() + timedelta(days=1)
    assert told(
        "A-9;C2;given;2026-03-06;;;;",
        "A-1;C99;given;2026-03-06;;;;",
        "A-1;C2;perhaps;2026-03-06;;;;",
        f"A-1;C2;given;{tomorrow};;;;",
        "A-1;C2;given;6 March;;;;",
        "A-1;C2;given;2026-03-06;7;;;",
        "A-1;C2;given;2026-03-06;;de;;",
        "A-1;C3;given;2026-03-06;;;bureau;",
        "A-1;C2;given;2026-03-06;;;;a b@c",
        ";C2;given;2026-03-06;;;;",
    ) == [
        "Row 2, column “client number”: Nobody has this client number. Import the person first.",
        "Row 3, column “form”: There is no such form. The forms are: C2, C3.",
        "Row 4, column “decision”: This is not one of: given, refused, withdrawn.",
        "Row 5, column “date”: The date lies in the future. Check it.",
        "Row 6, column “date”: This is no date. Write it as 2001-02-28 or 28.02.2001.",
        "Row 7, column “version”: The form has no approved version with this number. Leave it empty if unknown.",
        "Row 8, column “language”: This is not one of: kk, ru, en.",
        "Row 9, column “scope”: The scope is written as recipient:12. Mend the cell.",
        "Row 10, column “scan”: A reference to a scan has at most 80 letters, digits and the signs - _ . / only.",
        "Row 11, column “client number”: The cell is empty. Fill it in.",
    ]


def test_headers_in_three_languages_and_a_missing_one_is_named(person):
    form("C2")
    for language in ("kk", "ru", "en"):
        header = importing.template(language).decode("utf-8-sig")
        checked = importing.examine(file("A-1;C2;given;2026-03-06;;;;", header=header))
        assert (len(checked.rows), checked.problems) == (1, [])
    assert told("A-1;C2;given", header="client number;form;decision\n") == [
        "Row 1: The column “date” is missing. Add it."
    ]


def test_the_same_consent_twice_in_a_file_is_told(person):
    form("C2")
    assert told("A-1;C2;given;2026-03-06;;;;", "A-1;C2;given;2026-03-06;;;;") == [
        "Row 3: Row 2 says the same. Keep one of the two."
    ]


def test_the_command_writes_the_good_rows_names_the_bad_and_exits_with_an_error(person, tmp_path):
    form("C2")
    path = tmp_path / "consents.csv"
    path.write_bytes(file("A-1;C2;given;2026-03-06;;;;", "A-9;C2;given;2026-03-06;;;;").getvalue())
    err = StringIO()
    with pytest.raises(CommandError, match="1 bad rows"):
        call_command("import_consents", str(path), "--dry-run", stderr=err, stdout=StringIO())
    assert not ConsentEvent.objects.exists()
    with translation.override("en"), pytest.raises(CommandError, match="1 bad rows"):
        call_command("import_consents", str(path), stderr=err, stdout=StringIO())
    assert ConsentEvent.objects.get().actor.startswith("command:import_consents@")
    assert "Row 3" in err.getvalue()


def test_a_client_number_that_cannot_be_one_is_nobodys(person):
    form("C2")
    assert told("A\u200b-1" + "9" * 50 + ";C2;given;2026-03-06;;;;") == [
        "Row 2, column “client number”: Nobody has this client number. Import the person first."
    ]


def test_a_thousand_rows_cost_a_constant_number_of_statements(django_assert_max_num_queries):
    form("C2")
    people = [DataSubjectFactory(client_number=f"B-{n}", email=None) for n in range(30)]
    rows = importing.examine(file(*(f"B-{n};C2;given;2026-03-06;;;;" for n in range(len(people))))).rows
    with django_assert_max_num_queries(12):
        assert importing.load(rows).added == 30


def test_other_systems_are_told_and_the_end_of_the_main_consent_stops_the_use_of_the_data(person):
    version(form("C1"))
    importing.load(importing.examine(file("A-1;C1;given;2026-03-06;;;;", "A-1;C1;withdrawn;2026-04-06;;;;")).rows)
    change = Change.objects.get(kind="consent")
    assert (change.subject, change.state, change.covers) == (person, "withdrawn", "nothing")
    person.refresh_from_db()
    assert person.standing == "restricted"
