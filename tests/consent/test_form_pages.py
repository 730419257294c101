"""A form's way on the officers' pages: begun, edited by one at a time, approved by two at a moment, compared, given up."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.core.exceptions import ValidationError
from django.forms import NullBooleanField
from django.test import Client
from django.utils import timezone

from audit.actor import acting_as
from consent import drafting, registers
from consent.drafting import SendBackReason
from consent.enums import FormState
from consent.models import ConsentForm, ConsentFormVersion, FormItem
from staff.enums import Role
from staff.models import Operator
from subjects import registers as categories
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db
VERSIONS = "/admin/consent/consentformversion/"


@pytest.fixture(autouse=True)
def house():
    Operator.objects.create(pk=1, name_kk="Айқын", name_ru="Айкын", bin="990140000385", email="office@example.kz")
    categories.load()
    with acting_as("command:load_registers@test"):
        registers.load()


@pytest.fixture
def desk(member):  # noqa: F811
    def make(role: str, name: str = "") -> Client:
        client = Client(headers={"accept-language": "en"})
        client.user = member(Role(role), username=name or f"the-{role}")
        client.force_login(client.user)
        return client

    return make


@pytest.fixture
def officer(desk):
    return desk("officer")


@pytest.fixture
def dpo(desk):
    return desk("dpo")


def c8() -> ConsentForm:
    return ConsentForm.objects.get(code="C8")


def latest() -> ConsentFormVersion:
    return ConsentFormVersion.objects.latest("pk")


def text_of(response) -> str:
    return re.sub(r"\s+", " ", unescape(response.content.decode()))


def begun(client: Client, beginning: str = "offered") -> ConsentFormVersion:
    answer = client.post(f"/admin/consent/consentform/{c8().pk}/draft/", {"beginning": beginning})
    assert answer.url == f"{VERSIONS}{latest().pk}/change/"
    return latest()


def step(client: Client, version: ConsentFormVersion, name: str, **data) -> str:
    """The page after the step."""
    answer = client.post(f"{VERSIONS}{version.pk}/step/{name}/", {"seen": drafting.mark_of(version), **data})
    return text_of(client.get(answer.url))


def approved(officer: Client, dpo: Client, **data) -> ConsentFormVersion:
    version = begun(officer)
    step(officer, version, "submit")
    step(dpo, version, "approve", **data)
    version.refresh_from_db()
    return version


def filled(client: Client, version: ConsentFormVersion) -> dict:
    """What the browser would send of the page as it is."""
    context = client.get(f"{VERSIONS}{version.pk}/change/").context
    sent = {}
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for field in form:
            value = field.value()
            if isinstance(field.field, NullBooleanField):
                value = {True: "true", False: "false"}.get(value, "unknown")
            if value is not None and value is not False:
                sent[field.html_name] = value
    return sent


def in_hours(hours: int) -> str:
    return timezone.localtime(timezone.now() + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


class TestEditing:
    def test_both_languages_and_the_items_are_edited_on_one_page(self, officer):
        version = begun(officer)
        sent = filled(officer, version)
        sent["text_kk"] += "\nЖаңа сөз."
        sent["text_ru"] += "\nНовое слово."
        sent["items-0-text_ru"] = "Иначе названное"
        answer = officer.post(f"{VERSIONS}{version.pk}/change/", sent)
        assert answer.status_code == 302, answer.context["errors"]
        page = text_of(officer.get(answer.url))
        for words in ("Жаңа сөз.", "Новое слово.", "Иначе названное", "The draft was saved."):
            assert words in page

    def test_lines_end_as_they_did_whatever_the_browser_sends(self, officer, dpo):
        approved(officer, dpo)
        version = begun(officer)
        sent = filled(officer, version)
        for language in ("kk", "ru", "en"):
            sent[f"text_{language}"] = sent[f"text_{language}"].replace("\n", "\r\n")
        sent["text_ru"] += "\r\nНовое слово."
        assert officer.post(f"{VERSIONS}{version.pk}/change/", sent).status_code == 302
        version.refresh_from_db()
        assert "\r" not in version.text_kk + version.text_ru + version.text_en
        differences = officer.get(f"{VERSIONS}{version.pk}/change/").context["differences"]
        assert {op for op, _text in differences["kk"]} == {"equal"}
        assert [run for run in differences["ru"] if run[0] != "equal"] == [("insert", "\nНовое слово.")]

    def test_the_second_of_two_who_edit_is_told_and_nothing_is_overwritten(self, desk):
        one, two = desk("officer", "one"), desk("officer", "two")
        version = begun(one)
        first, second = filled(one, version), filled(two, version)
        first["text_ru"] += "\nПервый."
        second["text_ru"] += "\nВторой."
        second["items-0-text_ru"] = "Второе"
        assert one.post(f"{VERSIONS}{version.pk}/change/", first).status_code == 302
        answer = two.post(f"{VERSIONS}{version.pk}/change/", second)
        assert answer.status_code == 409
        page = text_of(answer)
        assert "Somebody else changed this draft" in page
        assert "Второй." in page
        version.refresh_from_db()
        assert "Первый." in version.text_ru
        assert "Второй." not in version.text_ru
        assert not FormItem.objects.filter(text_ru="Второе").exists()

    def test_a_change_of_an_item_alone_is_seen_by_the_second_too(self, desk):
        one, two = desk("officer", "one"), desk("officer", "two")
        version = begun(one)
        first, second = filled(one, version), filled(two, version)
        first["items-0-text_ru"] = "Первое"
        second["items-0-text_ru"] = "Второе"
        assert one.post(f"{VERSIONS}{version.pk}/change/", first).status_code == 302
        assert two.post(f"{VERSIONS}{version.pk}/change/", second).status_code == 409
        assert FormItem.objects.filter(text_ru="Первое").exists()

    def test_a_page_without_its_mark_saves_nothing(self, officer):
        version = begun(officer)
        sent = filled(officer, version)
        sent |= {"text_ru": "…", "seen": ""}
        assert officer.post(f"{VERSIONS}{version.pk}/change/", sent).status_code == 409

    @pytest.mark.parametrize("term", ["a year", "1Y", "P", "P0D", "P1H"])
    def test_what_is_no_term_is_said(self, officer, term):
        version = begun(officer)
        sent = filled(officer, version) | {"term": term}
        assert "This is no term" in text_of(officer.post(f"{VERSIONS}{version.pk}/change/", sent))
        version.refresh_from_db()
        assert version.term == "P1Y"

    def test_the_same_item_twice_is_said(self, officer):
        version = begun(officer)
        sent = filled(officer, version)
        total = int(sent["items-TOTAL_FORMS"])
        last = total - 1  # the empty one
        for at in (last, last + 1):
            sent |= {f"items-{at}-kind": "recipient", f"items-{at}-recipient_kind": "courier", f"items-{at}-order": "0"}
            sent |= {
                f"items-{at}-version": version.pk,
                f"items-{at}-text_ru": "курьер",
                f"items-{at}-text_kk": "курьер",
            }
        sent["items-TOTAL_FORMS"] = total + 1
        answer = officer.post(f"{VERSIONS}{version.pk}/change/", sent)
        assert answer.status_code == 200
        assert "The form names this already." in text_of(answer)


class TestBeginnings:
    def test_a_draft_begins_with_what_is_in_force_and_not_with_what_is_scheduled(self, officer, dpo):
        approved(officer, dpo)
        later = begun(officer)
        sent = filled(officer, later)
        sent["text_ru"] += "\nС завтрашнего дня."
        officer.post(f"{VERSIONS}{later.pk}/change/", sent)
        step(officer, later, "submit")
        assert "in force from" in step(dpo, later, "approve", at=in_hours(24))
        assert "С завтрашнего дня." not in begun(officer).text_ru

    def test_an_empty_one_is_empty(self, officer):
        version = begun(officer, "empty")
        assert (version.text_ru, version.items.count(), version.legacy) == ("", 0, False)
        assert "There is no text in Russian" in text_of(officer.get(f"{VERSIONS}{version.pk}/change/"))

    def test_what_is_no_beginning_is_not_found(self, officer):
        assert officer.post(f"/admin/consent/consentform/{c8().pk}/draft/", {"beginning": "x"}).status_code == 404
        assert not ConsentFormVersion.objects.exists()

    def test_a_draft_given_up_stays_and_makes_room(self, officer):
        version = begun(officer)
        assert "given up" in step(officer, version, "give-up")
        version.refresh_from_db()
        assert version.state == FormState.ARCHIVED
        assert begun(officer).number == 2
        with as_officer(officer.user), pytest.raises(ValidationError):
            drafting.submit(version=version, by=officer.user)


class TestApproval:
    def test_the_one_before_ends_at_the_instant_the_next_begins(self, officer, dpo):
        first = approved(officer, dpo)
        assert ConsentFormVersion.objects.in_force().get(form=c8()) == first
        second = approved(officer, dpo, at=in_hours(48))
        first.refresh_from_db()
        assert first.in_force_during.upper == second.in_force_during.lower
        assert timezone.localtime(second.in_force_during.lower).strftime("%Y-%m-%dT%H:%M") == in_hours(48)
        assert ConsentFormVersion.objects.in_force().get(form=c8()) == first
        assert ConsentFormVersion.objects.in_force(second.in_force_during.lower).get(form=c8()) == second

    def test_a_past_moment_is_refused(self, officer, dpo):
        version = begun(officer)
        step(officer, version, "submit")
        assert "This moment is past" in step(dpo, version, "approve", at=in_hours(-1))
        assert "valid date" in step(dpo, version, "approve", at="tomorrow")
        version.refresh_from_db()
        assert version.state == FormState.IN_REVIEW

    def test_before_one_that_is_scheduled_there_is_a_sentence_and_after_it_there_is_room(self, officer, dpo):
        approved(officer, dpo)
        scheduled = approved(officer, dpo, at=in_hours(48))
        third = begun(officer)
        step(officer, third, "submit")
        for at in ("", in_hours(24), timezone.localtime(scheduled.in_force_during.lower).strftime("%Y-%m-%dT%H:%M")):
            assert "Version 2 is approved already and comes into force on" in step(dpo, third, "approve", at=at)
        step(dpo, third, "approve", at=in_hours(72))
        scheduled.refresh_from_db()
        third.refresh_from_db()
        assert scheduled.in_force_during.upper == third.in_force_during.lower

    def test_it_goes_back_with_a_reason_that_its_author_reads(self, officer, dpo):
        version = begun(officer)
        step(officer, version, "submit")
        assert "Why: " in step(dpo, version, "send-back")
        version.refresh_from_db()
        assert version.state == FormState.IN_REVIEW
        step(dpo, version, "send-back", reason=SendBackReason.LANGUAGES)
        page = text_of(officer.get(f"{VERSIONS}{version.pk}/change/"))
        assert "the languages do not say the same" in page
        assert "the-dpo" in page
        assert version.history.latest().history_change_reason == SendBackReason.LANGUAGES

    def test_whoever_approves_approves_what_they_saw(self, officer, dpo):
        version = begun(officer)
        step(officer, version, "submit")
        seen = drafting.mark_of(version)
        step(dpo, version, "send-back", reason=SendBackReason.WORDING)
        sent = filled(officer, version)
        sent["text_ru"] += "\nПереписано."
        officer.post(f"{VERSIONS}{version.pk}/change/", sent)
        step(officer, version, "submit")
        assert "Somebody has moved this form on meanwhile" in step(dpo, version, "approve", seen=seen)
        version.refresh_from_db()
        assert version.state == FormState.IN_REVIEW


class TestReading:
    def test_the_text_stands_as_a_person_reads_it_and_before_the_placeholders(self, officer, dpo):
        draft = begun(officer)
        page = text_of(officer.get(f"{VERSIONS}{draft.pk}/change/"))
        assert page.index("БСН 990140000385") < page.index("{bin}")
        assert page.index("БИН 990140000385") < page.index("{bin}")
        step(officer, draft, "submit")
        assert "{bin}" not in text_of(dpo.get(f"{VERSIONS}{draft.pk}/change/"))
        step(dpo, draft, "approve")
        page = text_of(dpo.get(f"/admin/consent/consentform/{c8().pk}/change/"))
        assert "БСН 990140000385" in page
        assert "{bin}" not in page

    def test_what_changes_for_the_reader_is_marked_in_each_language(self, officer, dpo):
        approved(officer, dpo)
        draft = begun(officer)
        sent = filled(officer, draft)
        sent["text_kk"] += "\nҚосылған."
        sent["text_ru"] = sent["text_ru"].replace("Цели:", "Задачи:")
        officer.post(f"{VERSIONS}{draft.pk}/change/", sent)
        page = officer.get(f"{VERSIONS}{draft.pk}/change/")
        shown = page.context["differences"]
        assert [run for run in shown["kk"] if run[0] != "equal"][-1][1].strip() == "Қосылған."
        assert ("delete", "Цели") in shown["ru"]
        assert ("insert", "Задачи") in shown["ru"]
        assert "Compared with version 1." in text_of(page)
        assert re.search(r"<del>.*?Цели.*?</del>", text_of(page))


class TestLegacy:
    def test_a_text_of_before_is_entered_by_one_approved_by_another_and_never_offered(self, officer, dpo):
        offered = approved(officer, dpo)
        version = begun(officer, "legacy")
        assert "There is no text" in step(officer, version, "submit")
        sent = filled(officer, version)
        sent["text_ru"] = "Я согласен на все. Подпись."
        officer.post(f"{VERSIONS}{version.pk}/change/", sent)
        page = step(officer, version, "submit")
        assert "never offered" in page
        assert "What this text lacks" in page
        assert 'name="at"' not in text_of(dpo.get(f"{VERSIONS}{version.pk}/change/"))
        assert "comes into force at no moment" in step(dpo, version, "approve", at=in_hours(24))
        assert "used before, never offered again" in step(dpo, version, "approve")
        version.refresh_from_db()
        assert (version.state, version.legacy, version.in_force_during) == (FormState.APPROVED, True, None)
        assert ConsentFormVersion.objects.in_force().get(form=c8()) == offered
        # the next draft is a copy of what is offered
        assert begun(officer).text_ru == offered.text_ru

    def test_whoever_entered_it_does_not_approve_it(self, officer, dpo):
        version = begun(officer, "legacy")
        with as_officer(dpo.user):
            FormItem.objects.create(version=version, kind="recipient", recipient_kind="courier", text_ru="курьер")
            ConsentFormVersion.objects.filter(pk=version.pk).update(text_ru="Согласен.")
        step(officer, version, "submit")
        assert "somebody else must approve it" in step(dpo, version, "approve")
        version.refresh_from_db()
        assert version.state == FormState.IN_REVIEW
