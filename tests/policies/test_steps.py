"""The officers' pages: the steps of a version, publishing, two officers at one draft."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from policies import services
from policies.enums import State
from policies.models import PolicyVersion
from policies.steps import STEPS
from tests.policies import factories
from tests.policies.desk import at_desk, auditor, draft_fields, hidden, step_url, steps_on, submitted, text_of, url_of
from tests.policies.factories import KK, RU, approved_version, approver, author, draft, published_version
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db


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
