"""What a consent covers is read from the words the person saw (law.md 5.1, 5.2)."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from consent import coverage, ledger
from consent.coverage import Words
from consent.grounds import reasons
from consent.models import ConsentState
from tests.consent.factories import BY_CODE, form, given, purpose, version
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
SHARED = Path(__file__).parents[3] / "shared"


def why(person, code):
    return next(reason for reason in reasons(person) if reason.purpose.code == code)


def test_a_kazakh_reader_was_not_told_what_only_the_russian_text_names():
    of = version(purposes={"contract": "kk ru", "identification": "ru"})
    kazakh, russian = DataSubjectFactory(), DataSubjectFactory()
    given(kazakh, of, language="kk")
    given(russian, of, language="ru")
    (gap,) = coverage.gaps()
    assert (gap.form, gap.language, gap.people) == ("C1", "kk", 1)
    assert gap.lacks == [Words("purpose", "identification")]
    assert [row.subject for row in coverage.affected(gap)] == [kazakh]
    assert why(russian, "identification").allowed
    assert (why(kazakh, "identification").allowed, why(kazakh, "identification").code) == (False, "not_named")
    assert why(kazakh, "contract").allowed


def test_who_consented_to_an_older_text_lacks_what_the_newer_one_names():
    of = form("C8")
    person = DataSubjectFactory()
    given(person, version(of, purposes={"marketing": "kk ru"}), language="kk")
    assert coverage.gaps() == []
    version(of, purposes={"marketing": "kk ru", "statistics": "kk ru"})
    (gap,) = coverage.gaps(of)
    assert (gap.version, gap.language, gap.lacks) == (1, "kk", [Words("purpose", "statistics")])


def test_who_withdrew_lacks_nothing():
    of = version(purposes={"contract": "kk ru", "identification": "ru"})
    person = DataSubjectFactory()
    given(person, of, language="kk")
    ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
    assert coverage.gaps() == []


def test_the_number_of_queries_does_not_grow(django_assert_num_queries):
    for code in ("C1", "C8", "C9"):
        of = version(form(code), purposes={"contract": "kk ru", f"p{code}": "ru"})
        for _n in range(3):
            given(DataSubjectFactory(email=None), of, language="kk")
    with django_assert_num_queries(6):
        assert len(coverage.gaps()) == 3


@pytest.mark.skipif(not SHARED.exists(), reason="the real policy is not here")
def test_the_real_policy_told_kazakh_readers_nothing_of_purpose_2_and_categories_14_and_20():
    facts = json.loads((SHARED / "domain" / "law_fixtures.json").read_text())
    rows = [*facts["purposes"], *facts["data_categories"]]
    said = {row["code"]: {lang: row[lang] for lang in ("kk", "ru") if row[lang]} for row in rows}
    # the words are the policy's own: what follows is about the real text
    for language in ("kk", "ru"):
        text = _squeezed((SHARED / "policy" / f"{language}.md").read_text())
        missing = [code for code, words in said.items() if language in words and _squeezed(words[language]) not in text]
        assert missing in ([], ["legal_defence"]), "a page break runs through purpose 4"
    of = version(
        purposes={row["code"]: " ".join(said[row["code"]]) for row in facts["purposes"]},
        categories={row["code"]: " ".join(said[row["code"]]) for row in facts["data_categories"]},
        words=said,
        legacy=True,
    )
    given_before(of)
    out = StringIO()
    call_command("consent_coverage", "--json", stdout=out)
    (gap,) = json.loads(out.getvalue())["gaps"]
    assert (gap["form"], gap["version"], gap["language"], gap["people"]) == ("C1", 1, "kk", 1)
    assert gap["lacks"] == [
        {"kind": "category", "code": "requested_page"},
        {"kind": "category", "code": "solvency_obligations"},
        {"kind": "purpose", "code": "identification"},
    ]


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def given_before(of):
    """Before Kelisim, so nothing was shown by us: as an import writes it."""
    person = DataSubjectFactory()
    with ledger.locked(ledger.Owner(person), of.form, "") as row:
        ledger.append(row, ledger.Proof("imported", "imported"), kind="given", version=of, language="kk")
    return person


def test_what_nobody_knows_is_counted_by_form():
    person = DataSubjectFactory()
    with ledger.locked(ledger.Owner(person), form("C2"), "") as row:
        ledger.append(row, ledger.Proof("imported", "imported"), kind="given")
    assert coverage.unknown_grounds() == {"C2": 1}
    purpose("contract")
    assert not why(person, "contract").allowed
    assert ConsentState.objects.get().state == "given"
