"""`manage.py import_policy`: the same import from a shell, for people and for scripts."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import translation

from audit.actor import command_actor
from audit.timeline import timeline
from policies import services
from policies.models import Clause, Policy, PolicyVersion
from policies.rules import may_approve
from tests.policies.factories import FILLED, KK, RU, draft, mighty
from tests.policies.factories import author as make_author
from tests.staff.factories import StaffUserFactory, as_officer

pytestmark = pytest.mark.django_db

REAL = Path(__file__).parents[3] / "shared" / "policy"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real policy is not beside the project")


@pytest.fixture
def paths(tmp_path) -> dict[str, str]:
    for name, text in (("ru.md", RU), ("kk.md", KK)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {"ru": str(tmp_path / "ru.md"), "kk": str(tmp_path / "kk.md")}


def run(paths: dict[str, str], *arguments: str, code: str = "personal-data") -> str:
    out = StringIO()
    languages = [part for name, path in paths.items() for part in (f"--{name}", path)]
    call_command("import_policy", code, *languages, *arguments, stdout=out)
    return out.getvalue()


def test_json_has_the_shape_that_others_rely_on(paths):
    Path(paths["kk"]).write_text(KK.replace("1.2. Өзге мақсат жоқ.\n\n", ""), encoding="utf-8")
    with translation.override("en"):
        said = json.loads(run(paths, "--json"))
    assert set(said) == {"policy", "version", "clauses", "findings"}
    assert (said["policy"], said["version"]) == ("personal-data", 1)
    assert said["clauses"][4] == {
        "key": "1.1.b1",
        "number": "",
        "kind": "bullet",
        "ru": "заключить договор;",
        "kk": "шарт жасасу;",
    }
    finding = next(f for f in said["findings"] if f["code"] == "NUMBER_MISSING")
    assert set(finding) == {"code", "severity", "clause", "languages", "message"}
    assert (finding["severity"], finding["clause"], finding["languages"]) == ("error", "1.2", ["kk"])
    assert "1.2" in finding["message"]


def test_english_is_there_only_where_there_is_some(paths, tmp_path):
    (tmp_path / "en.md").write_text("# Policy\n\n## 1. Aims\n\n1.2. No other aims.\n", encoding="utf-8")
    said = json.loads(run({**paths, "en": str(tmp_path / "en.md")}, "--json"))
    with_english = {clause["key"]: clause["en"] for clause in said["clauses"] if "en" in clause}
    assert with_english == {"title": "Policy", "s1": "Aims", "1.2": "No other aims."}


def test_without_json_one_line_says_what_came(paths):
    assert run(paths) == "personal-data v1: 9 clauses, 0 findings\n"


def test_a_new_policy_is_called_what_its_texts_are_headed(paths):
    run(paths)
    policy = Policy.objects.get(code="personal-data")
    assert (policy.title_ru, policy.title_kk, policy.title_en) == ("Политика", "Саясат", "")


def test_a_policy_that_has_a_name_keeps_it(paths):
    Policy.objects.create(code="personal-data", title_ru="О данных")
    run(paths)
    assert Policy.objects.get().title_ru == "О данных"


def test_without_by_the_command_and_who_ran_it_stand_in_history(paths):
    run(paths, "--note", "the text of the lawyer")
    row = PolicyVersion.history.first()
    assert row.actor.startswith("command:import_policy@")
    assert (row.history_user_id, row.created_by_id, row.note) == (None, None, "the text of the lawyer")


def test_by_says_in_whose_name_and_history_still_says_who_ran_it(paths):
    officer = StaffUserFactory(username="aigerim")
    run(paths, "--by", "aigerim")
    version = PolicyVersion.objects.get()
    assert version.created_by == officer
    for rows in (Clause.history, PolicyVersion.history):
        assert set(rows.values_list("actor", flat=True)) == {command_actor("import_policy")}
        assert set(rows.values_list("history_change_reason", flat=True)) == {f"by.officer.{officer.pk}"}
    with translation.override("en"):
        entries, _older = timeline(PolicyVersion, version.history.all(), before=None, limit=9)
        assert {entry.why for entry in entries} == {f"in the name of officer {officer.pk}"}


def test_in_whose_name_it_was_imported_does_not_approve_it(paths):
    named, first = mighty(), make_author()
    run(paths, "--by", named.username)
    version = PolicyVersion.objects.get()
    with as_officer(first):
        services.save_draft(version, by=first, values={**FILLED, "significant": False})
        version = services.submit(version, by=first)
    assert not may_approve(version, by=named)
    assert may_approve(version, by=mighty())
    with as_officer(named), pytest.raises(IntegrityError, match="wrote a clause"):
        PolicyVersion.objects.update(state="approved", approved_by=named, approved_at=version.submitted_at)


@pytest.mark.parametrize("active", [None, False])
def test_by_an_officer_who_is_not_there_or_left_is_refused(paths, active):
    if active is False:
        StaffUserFactory(username="nobody", is_active=False)
    with pytest.raises(CommandError, match="nobody"):
        run(paths, "--by", "nobody")
    assert not Policy.objects.exists()


def test_a_file_that_is_not_there_is_named(paths):
    with pytest.raises(CommandError, match=r"--kk: .*none\.md"):
        run({**paths, "kk": "/nowhere/none.md"})


def test_everything_wrong_with_both_files_is_said_at_once_and_nothing_is_written(paths):
    Path(paths["ru"]).write_text(RU + "\n1.2. Снова.\n\n<i>x</i>\n", encoding="utf-8")
    Path(paths["kk"]).write_bytes("Саясат".encode("cp1251", "replace"))
    with pytest.raises(CommandError) as refused:
        run(paths)
    lines = str(refused.value).splitlines()[1:]
    assert [line.split(":")[0] for line in lines].count("ru.md") >= 2
    assert any(line.startswith("kk.md: ") for line in lines)
    assert not Policy.objects.exists()
    assert not PolicyVersion.objects.exists()


def test_a_draft_is_replaced_only_on_purpose(paths):
    draft(by=make_author())
    with pytest.raises(CommandError, match="1"):
        run(paths)
    assert run(paths, "--replace-draft") == "personal-data v1: 9 clauses, 0 findings\n"


@pytest.mark.parametrize("code", ["not a code", "x" * 41, "саясат"])
def test_a_code_that_would_be_no_address_is_refused(paths, code):
    with pytest.raises(CommandError):
        run(paths, code=code)
    assert not Policy.objects.exists()


def test_a_note_too_long_is_a_sentence(paths):
    with pytest.raises(CommandError, match="301"):
        run(paths, "--note", "x" * 301)


@real
def test_the_real_policy_comes_in_whole():
    said = json.loads(run({"ru": str(REAL / "ru.md"), "kk": str(REAL / "kk.md")}, "--json"))
    clauses = said["clauses"]
    for language in ("ru", "kk"):
        sections = [c for c in clauses if c["kind"] == "heading" and c["number"] and c[language]]
        assert [c["number"] for c in sections] == [str(n) for n in range(1, 10)]
        below = [c for c in clauses if c["key"].startswith("1.1.") and c[language]]
        assert len(below) == 24
    twelfth = next(c for c in clauses if c["kk"].startswith("алаяқтықтың алдын алу"))
    found = {(f["code"], f["clause"]) for f in said["findings"]}
    assert ("KIND_DIFFERS", twelfth["key"]) in found
    assert twelfth["ru"].startswith("предотвращения мошенничества")
    second = next(c for c in clauses if c["kk"].startswith("дербес деректердi кредиттiк бюроларға"))
    assert (second["ru"], ("PAIR_DUPLICATE", second["key"]) in found) == ("", True)
    access = next(c for c in clauses if c["ru"].startswith("для целей идентификации"))
    assert (access["kk"], ("PAIR_MISSING", access["key"]) in found) == ("", True)
    assert len({c["key"] for c in clauses}) == len(clauses)
