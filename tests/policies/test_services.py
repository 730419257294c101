"""Importing a version and the steps it takes until it is approved (policy 9.2)."""

import hashlib

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from policies import services
from policies.enums import State
from policies.markdown import BadPolicyFile
from policies.models import Clause, Finding, PolicySource, PolicyVersion
from policies.rules import NotAllowed
from policies.services import SourceFile
from tests.policies.factories import (
    FILLED,
    KK,
    RU,
    approved_version,
    approver,
    author,
    draft,
    policy,
    published_version,
)
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db


def files(ru: str | bytes = RU, kk: str | bytes = KK, **more: str) -> dict[str, SourceFile]:
    texts = {"ru": ru, "kk": kk, **more}
    return {
        code: SourceFile(f"{code}.md", text if isinstance(text, bytes) else text.encode())
        for code, text in texts.items()
    }


def bring_in(by, *, policy=policy, **kwargs) -> PolicyVersion:
    with as_officer(by):
        return services.import_version(policy=policy(), by=by, **{"files": files(), **kwargs})


def keys(version: PolicyVersion, language: str = "ru") -> dict[str, str]:
    return {clause.text(language): clause.key for clause in version.clauses.all()}


class TestImport:
    def test_the_bytes_are_kept_with_their_digest(self):
        crlf = b"\xef\xbb\xbf" + RU.replace("\n", "\r\n").encode()
        version = bring_in(author(), files=files(ru=crlf))
        source = version.sources.get(language="ru")
        assert (bytes(source.content), source.filename) == (crlf, "ru.md")
        assert source.sha256 == hashlib.sha256(crlf).hexdigest()
        assert version.languages() == ["kk", "ru"]

    def test_every_clause_stands_in_both_languages_in_order(self):
        version = bring_in(author())
        assert [(c.order, c.key, c.text_kk, c.text_ru) for c in version.clauses.all()][3:6] == [
            (4, "1.1", "Біз деректерді мына мақсаттарда өңдейміз:", "Мы обрабатываем данные, чтобы:"),
            (5, "1.1.b1", "шарт жасасу;", "заключить договор;"),
            (6, "1.1.b2", "өтінішке жауап беру.", "ответить на обращение."),
        ]

    def test_english_comes_along_where_there_is_one(self):
        english = RU.replace("Политика", "Policy").replace("Иных целей нет.", "There are no other purposes.")
        version = bring_in(author(), files=files(en=english))
        assert version.languages() == ["kk", "ru", "en"]
        assert version.clauses.get(key="1.2").text_en == "There are no other purposes."

    def test_history_knows_who_brought_each_clause_in(self):
        officer = author()
        version = bring_in(officer, note="after the audit")
        assert version.note == "after the audit"
        assert set(Clause.history.filter(version=version).values_list("actor", "history_user_id")) == {
            (f"officer:{officer.pk}", officer.pk)
        }

    def test_what_does_not_pair_is_a_finding_and_stays(self):
        version = bring_in(author(), files=files(kk=KK.replace("1.2. Өзге мақсат жоқ.\n\n", "")))
        finding = version.findings.get(code="NUMBER_MISSING")
        assert (finding.clause_key, finding.languages, finding.severity) == ("1.2", ["kk"], "error")
        assert version.clauses.get(key="1.2").text_kk == ""

    @pytest.mark.parametrize("lacking", ["ru", "kk"])
    def test_one_language_is_no_policy(self, lacking):
        given = files()
        del given[lacking]
        with pytest.raises(NotAllowed) as refused:
            bring_in(author(), files=given)
        assert refused.value.code == "languages"
        assert not PolicyVersion.objects.exists()

    def test_a_bad_file_leaves_nothing_behind_and_every_file_says_what_is_wrong(self):
        bad = files(ru=RU + "\n<b>Важно</b>\n", kk=b"\xd1\xe0\xff\xf1\xe0\xf2")
        with pytest.raises(BadPolicyFile) as refused:
            bring_in(author(), files=bad)
        said = [str(problem) for problem in refused.value.problems]
        assert any(s.startswith("ru.md: ") and " 18: " in s for s in said), said
        assert any(s.startswith("kk.md: ") for s in said), said
        for model in (PolicyVersion, Clause, PolicySource, Finding):
            assert not model.objects.exists()

    def test_a_bad_file_over_a_draft_leaves_the_draft_as_it_was(self):
        officer = author()
        version = bring_in(officer)
        before = list(version.clauses.values_list("pk", "text_ru"))
        with pytest.raises(BadPolicyFile):
            bring_in(officer, files=files(ru="# no clause"), replace_draft=True)
        assert list(version.clauses.values_list("pk", "text_ru")) == before

    def test_a_note_that_is_too_long_is_said_and_not_a_database_error(self):
        with pytest.raises(ValidationError):
            bring_in(author(), note="x" * 301)


class TestDraftThatExists:
    def test_it_is_not_overwritten_by_chance(self):
        officer = author()
        bring_in(officer)
        with pytest.raises(NotAllowed) as refused:
            bring_in(officer)
        assert (refused.value.code, PolicyVersion.objects.count()) == ("draft_exists", 1)

    def test_on_purpose_the_same_number_gets_the_new_text_and_keeps_its_keys(self):
        officer = author()
        first = bring_in(officer)
        Finding.objects.create(version=first, code="PAIR_MISSING", severity="warning", languages=["kk"])
        changed = RU.replace("Иных целей нет.", "Других целей нет.")
        second = bring_in(officer, files=files(ru=changed), replace_draft=True)
        assert (second.pk, second.number) == (first.pk, 1)
        assert second.clauses.get(number="1.2").text_ru == "Других целей нет."
        assert second.sources.get(language="ru").sha256 == hashlib.sha256(changed.encode()).hexdigest()
        assert not second.findings.exists()
        assert keys(second, "kk") == {clause.text_kk: clause.key for clause in Clause.history.filter(history_type="-")}
        assert not any(key.endswith("-2") for key in keys(second).values())

    def test_a_key_that_a_replaced_draft_gave_away_is_not_given_again(self):
        officer = author()
        bring_in(officer)
        without = files(ru=RU.replace("- ответить на обращение.\n", ""), kk=KK.replace("- өтінішке жауап беру.\n", ""))
        bring_in(officer, files=without, replace_draft=True)
        other = files(
            ru=RU.replace("ответить на обращение.", "взыскать задолженность через суд."),
            kk=KK.replace("өтінішке жауап беру.", "берешекті сот арқылы өндіріп алу."),
        )
        version = bring_in(officer, files=other, replace_draft=True)
        assert keys(version)["взыскать задолженность через суд."] == "1.1.b2-2"

    def test_a_draft_given_up_does_not_take_the_keys_with_it(self):
        officer = author()
        first = bring_in(officer)
        with as_officer(officer):
            services.archive(first, by=officer)
        second = bring_in(officer)
        assert second.number == 2
        assert keys(second) == keys(first)

    def test_nothing_is_imported_over_a_version_that_is_being_approved(self):
        officer = author()
        version = draft(by=officer)
        with as_officer(officer):
            services.submit(version, by=officer)
        with pytest.raises(NotAllowed) as refused:
            bring_in(officer, replace_draft=True)
        assert refused.value.code == "in_review"

    def test_the_next_version_keeps_the_keys_of_what_did_not_change(self):
        first = published_version()
        inserted = RU.replace("1.2. Иных", "1.2. Данные мы не продаём.\n\n1.3. Иных")
        inserted_kk = KK.replace("1.2. Өзге", "1.2. Біз деректерді сатпаймыз.\n\n1.3. Өзге")
        second = bring_in(author(), files=files(ru=inserted, kk=inserted_kk))
        assert second.number == 2
        assert {text: key for text, key in keys(second).items() if text in keys(first)} == keys(first)
        assert keys(second)["Данные мы не продаём."] not in set(keys(first).values())

    def test_two_imports_of_the_same_files_give_the_same_keys(self):
        first = keys(bring_in(author()))
        other = bring_in(author(), policy=lambda: policy("other"))
        assert keys(other) == first


class TestSteps:
    def test_from_draft_to_approved(self):
        version, second = approved_version()
        assert (version.state, version.approved_by) == (State.APPROVED, second)
        assert version.submitted_by != second
        assert version.submitted_at <= version.approved_at

    @pytest.mark.parametrize("name", [*FILLED, "significant"])
    def test_nothing_incomplete_is_submitted(self, name):
        published_version()
        officer = author()
        version = draft(by=officer, ru=RU.replace("Иных", "Прочих"), kk=KK.replace("Өзге", "Басқа"))
        setattr(version, name, None if name in ("significant", "order_date") else "")
        with as_officer(officer):
            version.save()
            with pytest.raises(NotAllowed) as refused:
                services.submit(version, by=officer)
        assert refused.value.code == "incomplete"
        assert str(PolicyVersion._meta.get_field(name).verbose_name) in refused.value.messages[0]

    def test_the_first_version_has_no_changes_to_sum_up(self):
        officer = author()
        version = draft(by=officer)
        with as_officer(officer):
            version.change_summary_kk = version.change_summary_ru = ""
            version.save()
            assert services.submit(version, by=officer).state == State.IN_REVIEW

    @pytest.mark.parametrize("from_state", [State.IN_REVIEW, State.APPROVED])
    def test_changes_asked_for_make_it_a_draft_without_signatures_and_say_why(self, from_state):
        version, second = approved_version()
        if from_state == State.IN_REVIEW:
            first = version.submitted_by
            with as_officer(second):
                version = services.request_changes(version, by=second, what="…")
            with as_officer(first):
                version = services.submit(version, by=first)
        with as_officer(second):
            version = services.request_changes(version, by=second, what="  Уточните цель.  ")
        version.refresh_from_db()
        assert (version.state, version.changes_requested) == (State.DRAFT, "Уточните цель.")
        assert version.changes_requested_by == second
        assert version.approved_by is version.submitted_by is None

    def test_changes_are_not_asked_for_without_a_word(self):
        version, second = approved_version()
        with as_officer(second), pytest.raises(NotAllowed) as refused:
            services.request_changes(version, by=second, what=" \n")
        assert refused.value.code == "reason"

    def test_a_draft_given_up_stays_readable_and_makes_room_for_another(self):
        officer = author()
        version = draft(by=officer)
        with as_officer(officer):
            services.archive(version, by=officer)
        version.refresh_from_db()
        assert (version.state, version.clauses.count()) == (State.ARCHIVED, 9)
        assert bring_in(officer).number == 2


class TestSeen:
    """`mark_of` a version: a step is taken on what was read, or not at all."""

    def test_a_step_on_the_version_as_it_was_shown_is_taken(self):
        officer = author()
        version = draft(by=officer)
        with as_officer(officer):
            assert services.submit(version, by=officer, seen=services.mark_of(version)).state == State.IN_REVIEW

    def test_nobody_approves_a_text_that_was_exchanged_after_they_read_it(self):
        first, second = author(), approver()
        version = draft(by=first)
        with as_officer(first):
            version = services.submit(version, by=first)
        read = services.mark_of(version)
        with as_officer(second):
            services.request_changes(version, by=second, what="…")
        bring_in(first, files=files(ru=RU.replace("Иных", "Прочих")), replace_draft=True)
        with as_officer(first):
            services.submit(version, by=first)
        with as_officer(second), pytest.raises(services.Overtaken):
            services.approve(version, by=second, seen=read)
        version.refresh_from_db()
        assert version.state == State.IN_REVIEW

    def test_nobody_submits_a_draft_whose_text_a_colleague_replaced(self):
        first = author()
        version = draft(by=first)
        read = services.mark_of(version)
        bring_in(author(), replace_draft=True)
        with as_officer(first), pytest.raises(services.Overtaken):
            services.submit(version, by=first, seen=read)

    def test_the_second_of_two_editors_is_told_and_overwrites_nothing(self):
        first, second = author(), author()
        version = draft(by=first)
        read = services.mark_of(version)
        with as_officer(first):
            services.save_draft(version, by=first, values={"order_number": "13-Ө"}, seen=read)
        with as_officer(second), pytest.raises(services.Overtaken):
            services.save_draft(version, by=second, values={"order_number": "99"}, seen=read)
        version.refresh_from_db()
        assert version.order_number == "13-Ө"

    def test_only_a_draft_is_edited(self):
        version, _second = approved_version()
        with as_officer(version.submitted_by), pytest.raises(NotAllowed) as refused:
            services.save_draft(version, by=version.submitted_by, values={"order_number": "13"})
        assert refused.value.code == "frozen"

    def test_a_mark_costs_two_queries(self, django_assert_num_queries):
        version = draft(by=author())
        with django_assert_num_queries(2):
            services.mark_of(version)


def test_the_bytes_in_the_database_are_those_of_the_file():
    version = bring_in(author())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT encode(sha256(content), 'hex') = sha256 FROM policies_policysource WHERE version_id = %s",
            [version.pk],
        )
        assert cursor.fetchall() == [(True,), (True,)]
