"""The officers' pages: import, the version on its way, the steps, and what each of them may see."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from policies import services
from policies.enums import State
from policies.models import Policy, PolicyVersion
from policies.steps import STEPS
from staff.models import StaffUser
from tests.policies import factories
from tests.policies.factories import KK, RU, approved_version, approver, author, draft, published_version
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db

TABS = ("text", "terms", "findings", "changes", "people", "letters")


def at_desk(officer: StaffUser) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(officer)
    return client


def url_of(version: PolicyVersion, tab: str = "") -> str:
    url = reverse("admin:policies_policyversion_change", args=[version.pk])
    return f"{url}?tab={tab}" if tab else url


def step_url(version: PolicyVersion, step: str) -> str:
    return reverse("admin:policies_step", args=[version.pk, step])


def text_of(response) -> str:
    return response.content.decode()


def steps_on(response) -> set[str]:
    return set(re.findall(r"/steps/([a-z-]+)/", text_of(response)))


def hidden(response, name: str = "seen") -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', text_of(response))[1]


def auditor() -> StaffUser:
    return permit(StaffUserFactory(), "policies.view_policyversion", "policies.view_policy")


def submitted() -> PolicyVersion:
    officer = author()
    version = draft(by=officer)
    with as_officer(officer):
        return services.submit(version, by=officer)


def upload(name: str, content: str | bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content if isinstance(content, bytes) else content.encode())


def files(**other) -> dict:
    texts = {"ru": RU, "kk": KK, **other}
    return {"policy": factories.policy().pk, **{code: upload(f"{code}.md", text) for code, text in texts.items()}}


class TestImport:
    url = "/admin/policies/policyversion/import/"

    def test_the_files_become_a_draft_and_the_officer_stands_before_it(self):
        officer = author()
        response = at_desk(officer).post(self.url, {**files(), "note": "v1"}, follow=True)
        version = PolicyVersion.objects.get()
        assert response.redirect_chain == [(url_of(version), 302)]
        assert (version.state, version.created_by, version.note) == (State.DRAFT, officer, "v1")
        assert "шарт жасасу;" in text_of(response)

    def test_where_there_are_findings_they_come_first(self):
        response = at_desk(author()).post(self.url, files(kk=KK.replace("1.2. Өзге мақсат жоқ.\n\n", "")), follow=True)
        assert response.redirect_chain[0][0].endswith("?tab=findings")
        assert 'href="?tab=text#1.2"' in text_of(response)

    def test_every_error_is_named_at_its_file_and_line(self):
        bad = files(ru=RU + "\n1.2. Снова.\n\n<i>x</i>\n", kk=b"\xd1\xe0")
        response = at_desk(author()).post(self.url, bad)
        form = response.context["form"]
        assert any(" 18" in error for error in form.errors["ru"])
        assert any(" 20" in error for error in form.errors["ru"])
        assert len(form.errors["kk"]) == 1
        assert 'href="#id_ru"' in text_of(response)
        assert not PolicyVersion.objects.exists()

    def test_a_file_that_is_too_large_or_empty_or_missing_is_said(self):
        large = files(ru=b"#" * 1_000_001, kk=b"")
        form = at_desk(author()).post(self.url, large).context["form"]
        assert "1 MB" in form.errors["ru"][0]
        assert set(form.errors) == {"ru", "kk"}
        del large["kk"], large["ru"]
        assert set(at_desk(author()).post(self.url, large).context["form"].errors) == {"ru", "kk"}

    def test_a_draft_that_exists_is_replaced_only_on_purpose(self):
        officer = author()
        version = draft(by=officer)
        client = at_desk(officer)
        response = client.post(self.url, files(ru=RU.replace("Иных", "Прочих")))
        assert "1" in response.context["form"].errors["replace_draft"][0]
        assert version.clauses.get(key="1.2").text_ru == "Иных целей нет."
        client.post(self.url, {**files(ru=RU.replace("Иных", "Прочих")), "replace_draft": "on"})
        assert version.clauses.get(key="1.2").text_ru == "Прочих целей нет."

    def test_the_name_of_a_file_may_be_long(self):
        given = files()
        given["ru"].name = "п" * 240 + ".md"
        at_desk(author()).post(self.url, given)
        assert PolicyVersion.objects.get().sources.get(language="ru").filename.endswith("п.md")

    def test_without_a_policy_the_page_says_what_to_do_first(self):
        assert "/admin/policies/policy/add/" in text_of(at_desk(author()).get(self.url))

    @pytest.mark.parametrize("who", [auditor, approver, StaffUserFactory])
    def test_who_may_not_import_sees_neither_page_nor_link(self, who):
        client = at_desk(who())
        assert client.get(self.url).status_code == 403
        assert client.post(self.url, files()).status_code == 403
        assert "policyversion/import" not in text_of(client.get("/admin/policies/policyversion/"))
        assert not PolicyVersion.objects.exists()


class TestOpenSteps:
    @pytest.mark.parametrize(
        ("state", "who", "expected"),
        [
            (State.DRAFT, author, {"submit", "archive"}),
            (State.DRAFT, approver, set()),
            (State.DRAFT, auditor, set()),
            (State.IN_REVIEW, author, set()),
            (State.IN_REVIEW, approver, {"approve", "request-changes"}),
            (State.APPROVED, author, set()),
            (State.APPROVED, approver, {"publish", "request-changes"}),
            (State.APPROVED, auditor, set()),
            (State.PUBLISHED, approver, set()),
            (State.PUBLISHED, author, set()),
        ],
    )
    def test_only_the_steps_that_may_be_taken_are_buttons(self, state, who, expected):
        version = {
            State.DRAFT: lambda: draft(by=author()),
            State.IN_REVIEW: submitted,
            State.APPROVED: lambda: approved_version()[0],
            State.PUBLISHED: published_version,
        }[state]()
        response = at_desk(who()).get(url_of(version))
        assert steps_on(response) == expected
        assert text_of(response).count('class="button primary"') == bool(expected)

    def test_an_incomplete_draft_says_what_is_missing_instead_of_offering_to_submit(self):
        officer = author()
        with as_officer(officer):
            version = services.import_version(
                policy=factories.policy(),
                files={"ru": services.SourceFile("r", RU.encode()), "kk": services.SourceFile("k", KK.encode())},
                by=officer,
            )
        response = at_desk(officer).get(url_of(version))
        assert steps_on(response) == {"archive"}
        assert str(PolicyVersion._meta.get_field("order_number").verbose_name) in text_of(response)
        refused = at_desk(officer).get(step_url(version, "submit"))
        assert str(PolicyVersion._meta.get_field("order_number").verbose_name) in text_of(refused)
        assert "<form method" not in text_of(refused).partition('id="content"')[2]

    @pytest.mark.parametrize("step", [step.name for step in STEPS])
    def test_a_step_that_is_not_open_does_nothing_when_it_is_posted_all_the_same(self, step):
        version = published_version()
        before = version.history.count()
        response = at_desk(author()).post(step_url(version, step), {"what": "x", "when": "now", "number": 1})
        assert response.status_code == 302
        assert version.history.count() == before

    def test_an_unknown_step_leads_back(self):
        version = draft(by=author())
        assert at_desk(author()).get(step_url(version, "unpublish")).url == url_of(version)


class TestSteps:
    def test_submit_approve_publish_through_the_pages(self):
        first, second = author(), approver()
        version = draft(by=first)
        for officer, step, data in (
            (first, "submit", {}),
            (second, "approve", {}),
            (second, "publish", {"when": "now", "number": "1"}),
        ):
            client = at_desk(officer)
            asked = client.get(step_url(version, step))
            assert asked.status_code == 200
            done = client.post(step_url(version, step), {**data, "seen": hidden(asked)}, follow=True)
            assert str(version) in text_of(done)
        version.refresh_from_db()
        assert version.is_in_force
        assert [version.submitted_by, version.approved_by, version.published_by] == [first, second, second]

    def test_asking_for_changes_needs_words_and_the_author_reads_them(self):
        version, second = submitted(), approver()
        client = at_desk(second)
        refused = client.post(step_url(version, "request-changes"), {"what": " "})
        assert refused.context["form"].errors["what"]
        client.post(step_url(version, "request-changes"), {"what": "Цель 2 <b>не</b> названа."})
        body = text_of(at_desk(version.submitted_by).get(url_of(version)))
        assert "Цель 2 &lt;b&gt;не&lt;/b&gt; названа." in body
        assert str(second) in body

    def test_a_step_on_a_version_that_changed_meanwhile_is_not_taken(self):
        version, second = submitted(), approver()
        client = at_desk(second)
        seen = hidden(client.get(step_url(version, "approve")))
        with as_officer(second):
            services.request_changes(version, by=second, what="…")
        first = version.submitted_by
        with as_officer(first):
            services.save_draft(version, by=first, values={"scope_ru": "Другое."})
            services.submit(version, by=first)
        client.post(step_url(version, "approve"), {"seen": seen})
        version.refresh_from_db()
        assert version.state == State.IN_REVIEW


class TestPublish:
    @pytest.fixture
    def ready(self) -> tuple[PolicyVersion, Client]:
        version, second = approved_version(significant=True)
        return version, at_desk(second)

    @pytest.mark.parametrize("number", ["", "2", "one"])
    def test_nothing_happens_until_the_number_is_typed(self, ready, number):
        version, client = ready
        response = client.post(step_url(version, "publish"), {"when": "now", "number": number})
        assert response.context["form"].errors["number"]
        version.refresh_from_db()
        assert version.state == State.APPROVED

    def test_the_page_says_how_many_letters_will_go(self, ready):
        version, client = ready
        for _ in range(3):
            DataSubjectFactory()
        DataSubjectFactory(email=None)
        assert client.get(step_url(version, "publish")).context["audience"] == 3

    def test_at_a_moment_of_almaty_time(self, ready):
        version, client = ready
        data = {"when": "later", "at_0": "2099-01-01", "at_1": "00:00:00", "number": "1"}
        assert client.post(step_url(version, "publish"), data).status_code == 302
        version.refresh_from_db()
        assert version.in_force_during.lower.isoformat() == "2098-12-31T19:00:00+00:00"
        assert version.is_scheduled

    @pytest.mark.parametrize(
        "moment",
        [
            {},
            {"at_0": "2099-01-01", "at_1": ""},
            {"at_0": "2001-01-01", "at_1": "10:00"},
            {"at_0": "soon", "at_1": "10:00"},
        ],
    )
    def test_a_moment_that_is_none_is_said_at_its_field(self, ready, moment):
        version, client = ready
        response = client.post(step_url(version, "publish"), {"when": "later", "number": "1", **moment})
        assert response.status_code == 200
        assert response.context["form"].errors["at"]
        version.refresh_from_db()
        assert version.state == State.APPROVED

    def test_a_moment_before_a_scheduled_version_is_said_at_its_field(self):
        published_version(at=timezone.now() + timedelta(days=30))
        version, second = approved_version(ru="# П\n\n1.1. А.\n", kk="# С\n\n1.1. Ә.\n")
        soon = (timezone.now() + timedelta(days=3)).date().isoformat()
        data = {"when": "later", "at_0": soon, "at_1": "10:00", "number": "2"}
        response = at_desk(second).post(step_url(version, "publish"), data)
        assert "1" in response.context["form"].errors["at"][0]

    def test_now_takes_no_notice_of_a_moment_left_in_the_fields(self, ready):
        version, client = ready
        data = {"when": "now", "at_0": "2099-01-01", "at_1": "00:00", "number": "1"}
        client.post(step_url(version, "publish"), data)
        version.refresh_from_db()
        assert version.is_in_force


def draft_fields(response, **changed) -> dict:
    form = response.context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: "" if value is None else value for name, value in {**values, **changed}.items()}


class TestDraftForm:
    def test_what_is_typed_is_saved_by_the_officer(self):
        officer = author()
        version = draft(by=officer)
        client = at_desk(officer)
        response = client.post(
            url_of(version, "terms"),
            draft_fields(client.get(url_of(version, "terms")), order_number="77-Ө", significant="true"),
        )
        assert response.status_code == 302
        version.refresh_from_db()
        assert (version.order_number, version.significant) == ("77-Ө", True)
        assert version.history.latest("history_id").history_user_id == officer.pk

    def test_the_second_of_two_officers_is_told_what_changed_and_overwrites_nothing(self):
        first, second = author(), author()
        version = draft(by=first)
        one, two = at_desk(first), at_desk(second)
        page_one, page_two = one.get(url_of(version, "terms")), two.get(url_of(version, "terms"))
        one.post(url_of(version, "terms"), draft_fields(page_one, order_number="77-Ө"))
        mine = draft_fields(page_two, order_number="99-Ө", scope_ru="Моё.")
        told = two.post(url_of(version, "terms"), mine)
        assert told.status_code == 409
        body = text_of(told)
        assert str(first) in body
        assert "77-Ө" in body
        assert 'value="99-Ө"' in body and "Моё." in body
        version.refresh_from_db()
        assert (version.order_number, version.scope_ru) == ("77-Ө", "Сайт и офисы.")
        # having looked, the second may say it again
        again = two.post(url_of(version, "terms"), {**mine, "seen": hidden(told)})
        assert again.status_code == 302
        version.refresh_from_db()
        assert version.order_number == "99-Ө"

    def test_a_text_imported_anew_meanwhile_counts_as_a_change(self):
        officer = author()
        version = draft(by=officer)
        client = at_desk(officer)
        page = client.get(url_of(version, "terms"))
        with as_officer(officer):
            services.import_version(
                policy=version.policy,
                files={"ru": services.SourceFile("r", RU.encode()), "kk": services.SourceFile("k", KK.encode())},
                by=officer,
                replace_draft=True,
            )
        assert client.post(url_of(version, "terms"), draft_fields(page)).status_code == 409

    def test_a_form_without_its_mark_saves_nothing(self):
        officer = author()
        version = draft(by=officer)
        client = at_desk(officer)
        data = draft_fields(client.get(url_of(version, "terms")), order_number="x", seen="")
        assert client.post(url_of(version, "terms"), data).status_code == 409

    def test_what_was_submitted_meanwhile_is_not_changed_and_nothing_typed_is_lost(self):
        first, second = author(), author()
        version = draft(by=first)
        client = at_desk(second)
        page = client.get(url_of(version, "terms"))
        with as_officer(first):
            services.submit(version, by=first)
        told = client.post(url_of(version, "terms"), draft_fields(page, scope_ru="Моё."))
        assert told.status_code == 409
        assert "Моё." in text_of(told)
        version.refresh_from_db()
        assert version.scope_ru == "Сайт и офисы."

    @pytest.mark.parametrize("who", [auditor, approver])
    def test_who_may_not_draft_sees_no_form_and_saves_nothing(self, who):
        version = draft(by=author())
        client = at_desk(who())
        assert client.get(url_of(version, "terms")).context["form"] is None
        assert client.post(url_of(version, "terms"), {"order_number": "x"}).status_code == 403

    def test_an_error_is_said_at_its_field(self):
        officer = author()
        version = draft(by=officer)
        client = at_desk(officer)
        data = draft_fields(client.get(url_of(version, "terms")), order_date="yesterday")
        assert client.post(url_of(version, "terms"), data).context["form"].errors["order_date"]


class TestReading:
    @pytest.mark.parametrize("who", [author, approver, auditor])
    def test_no_page_of_any_version_is_an_error(self, who):
        officer = author()
        first = published_version()
        second = published_version(ru=RU.replace("Иных", "Прочих"), significant=True)
        third = draft(by=officer, ru=RU + "\n2.2. Ещё.\n")
        client = at_desk(who())
        for version in (first, second, third):
            for tab in (*TABS, "nonsense"):
                assert client.get(url_of(version, tab)).status_code == 200, (version, tab)
            for step in STEPS:
                assert client.get(step_url(version, step.name)).status_code == 200
            history = reverse("admin:policies_policyversion_history", args=[version.pk])
            assert client.get(history).status_code == 200
        assert client.get("/admin/policies/policyversion/").status_code == 200
        assert client.get("/admin/policies/policyversion/?state=draft").status_code == 200

    @pytest.mark.parametrize("pk", ["999999", "abc", "99999999999999999999"])
    def test_a_version_that_is_not_there_is_404(self, pk):
        assert at_desk(author()).get(f"/admin/policies/policyversion/{pk}/change/").status_code == 404

    def test_nobody_without_the_right_reads_a_draft(self):
        version = draft(by=author())
        client = at_desk(StaffUserFactory())
        for url in (url_of(version), step_url(version, "submit"), "/admin/policies/policyversion/"):
            assert client.get(url).status_code == 403
        assert Client().get(url_of(version)).status_code == 302

    def test_both_languages_stand_side_by_side_and_a_missing_one_is_said(self):
        version = draft(by=author(), kk=KK.replace("1.2. Өзге мақсат жоқ.\n\n", ""))
        body = text_of(at_desk(author()).get(url_of(version)))
        row = body[body.index('id="1.2"') : body.index('id="s2"')]
        assert "Иных целей нет." in row
        assert "chip waiting" in row

    def test_english_has_a_column_where_there_is_some(self):
        version = draft(by=author())
        client = at_desk(author())
        assert 'lang="en">English' not in text_of(client.get(url_of(version))).partition("bilingual")[2]
        with as_officer(version.created_by):
            services.import_version(
                policy=version.policy,
                files={
                    "ru": services.SourceFile("r", RU.encode()),
                    "kk": services.SourceFile("k", KK.encode()),
                    "en": services.SourceFile("e", RU.replace("Иных целей нет.", "No other aims.").encode()),
                },
                by=version.created_by,
                replace_draft=True,
            )
        assert "No other aims." in text_of(client.get(url_of(version)))

    def test_differences_are_read_in_either_language(self):
        published_version()
        version = draft(by=author(), ru=RU.replace("Иных", "Прочих"), kk=KK.replace("Өзге", "Басқа"))
        client = at_desk(author())
        assert "Басқа" in text_of(client.get(url_of(version, "changes") + "&in=kk"))
        assert "Прочих" in text_of(client.get(url_of(version, "changes") + "&in=ru"))

    def test_a_clause_cannot_bring_a_script_to_an_officer(self):
        version = draft(by=author(), ru=RU.replace("Иных", "[x](javascript:alert(1)) &lt;script&gt;"))
        for tab in ("text", "changes"):
            body = text_of(at_desk(author()).get(url_of(version, tab))).partition('id="content"')[2]
            assert 'href="javascript:' not in body
            assert "<script>alert" not in body

    @pytest.mark.parametrize("tab", TABS)
    def test_the_number_of_queries_does_not_depend_on_the_number_of_clauses(self, tab):
        client, counts = at_desk(auditor()), []
        for clauses in (3, 40):
            lines = "\n\n".join(f"1.{n}. слово{n} слово{n * 3}" for n in range(1, clauses))
            version = published_version(ru=f"# П\n\n## 1. А\n\n{lines}\n", kk=f"# С\n\n## 1. Ә\n\n{lines}\n")
            client.get(url_of(version, tab))
            with CaptureQueriesContext(connection) as captured:
                client.get(url_of(version, tab))
            counts.append(len(captured))
        assert abs(counts[0] - counts[1]) <= 2  # the second has a predecessor to be compared with
        assert max(counts) <= 22

    def test_nor_does_the_list_of_versions(self):
        client, counts = at_desk(auditor()), []
        for text in ("А", "Б", "В", "Г"):
            published_version(ru=f"# П\n\n1.1. {text}.\n", kk=f"# С\n\n1.1. {text}.\n")
            with CaptureQueriesContext(connection) as captured:
                client.get("/admin/policies/policyversion/")
            counts.append(len(captured))
        assert counts[1] == counts[3]


class TestPolicy:
    def test_its_code_is_given_once(self):
        policy = factories.policy()
        officer = permit(StaffUserFactory(), "policies.view_policy", "policies.change_policy")
        client = at_desk(officer)
        url = reverse("admin:policies_policy_change", args=[policy.pk])
        client.post(url, {"code": "other", "title_kk": "С", "title_ru": "Новое", "title_en": ""})
        policy.refresh_from_db()
        assert (policy.code, policy.title_ru) == ("personal-data", "Новое")

    def test_it_is_never_deleted(self):
        policy = factories.policy()
        officer = permit(StaffUserFactory(), "policies.view_policy", "policies.delete_policy")
        client = at_desk(officer)
        assert (
            client.post(reverse("admin:policies_policy_delete", args=[policy.pk]), {"post": "yes"}).status_code == 403
        )
        assert Policy.objects.exists()
