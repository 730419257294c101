"""Pages of history: what a person sees there of every change, and of the row as it was."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from django.utils.html import strip_tags
from psycopg.types.range import TimestamptzRange

from audit.actor import acting_as, because
from audit.models import AccessRecord
from audit.names import REASONS
from audit.timeline import words
from policies.models import Policy, PolicyVersion
from staff.models import StaffUser
from subjects.enums import Access
from subjects.models import DataCategory, DataSubject, PersonalData
from tests.audit.conftest import category
from tests.audit.pages import CategoryAdmin, entries, history_of, make, permit, version_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.audit.pages")]


# the timeline


def test_it_says_who_when_why_and_what_the_old_and_the_new_value_side_by_side(page, reader):
    row = category("iin", title_kk="ЖСН")
    row.save()
    url = history_of(row)
    with acting_as(f"officer:{reader.pk}"), because("register_corrected"):
        DataCategory.objects.filter(pk=row.pk).update(title_kk="Жеке нөмір", biometric=True, access="public")
    row.refresh_from_db()
    with acting_as("command:load_registers@root"):
        row.delete()
    deleted, changed, created = entries(page.get(url))
    assert created.startswith("created ")
    assert "job test" in created
    assert "Title (Kazakh) ЖСН" in created
    assert "Biometric no" in created
    assert changed.startswith("changed ")
    assert " aigul register_corrected Field Old value New value " in changed
    assert "Title (Kazakh) ЖСН Жеке нөмір" in changed
    assert "Biometric no yes" in changed
    assert f"Access {Access.RESTRICTED.label} {Access.PUBLIC.label}" in changed, "choices by their label"
    assert "Title (Russian)" not in changed, "what did not change is not told"
    assert deleted.startswith("deleted ")
    assert "command load_registers, run by root" in deleted
    assert "Title (Kazakh) Жеке нөмір" in deleted


def test_the_untranslated_column_is_not_told_twice(page):
    row = category("iin")
    row.save()
    row.title_ru = "ИИН"
    row.save()
    changed, created = entries(page.get(history_of(row)))
    assert re.findall(r"Title \(?\w*", changed) == ["Title (Russian"]
    assert "Title iin" not in created


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        ("subject:0b6fbd3c-8fb2-4cb1-9a4f-4a3f4a0f7f5e", "the person in the cabinet"),
        ("job:sweep", "job sweep"),
        ("api:loans", "system loans"),
        ("migration:staff.0002", "migration staff.0002"),
        ("sign-in", "somebody signing in"),
        ("officer:424242", "officer 424242"),
    ],
)
def test_an_actor_is_called_by_a_plain_name(actor, name, page):
    with acting_as(actor):
        row = DataSubject.objects.create()
    (created,) = entries(page.get(history_of(row)))
    assert name in created
    assert "0b6fbd3c" not in created, "no public id of a person on the page"


def test_a_known_reason_is_said_in_words(page, monkeypatch):
    monkeypatch.setitem(REASONS, "data_corrected", "the person asked to correct it")
    with because("data_corrected"):
        row = DataSubject.objects.create()
    assert "the person asked to correct it" in entries(page.get(history_of(row)))[0]


def test_the_time_is_the_time_of_almaty_in_the_readers_language(page, monkeypatch):
    row = DataSubject.objects.create()
    at = row.history.get().history_date.astimezone(ZoneInfo("Asia/Almaty"))
    for language, months in MONTHS.items():
        page.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        (created,) = entries(page.get(history_of(row)))
        assert months.split()[at.month - 1].lower() in created.lower(), language
        assert f"{at:%H:%M}" in created or f"{at.hour}:{at:%M}" in created or f"{at:%I:%M}".lstrip("0") in created


MONTHS = {
    "en": "January February March April May June July August September October November December",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "kk": "қаңтар ақпан наурыз сәуір мамыр маусым шілде тамыз қыркүйек қазан қараша желтоқсан",
}


def test_a_sealed_value_is_never_shown_or_decoded(page):
    row = PersonalData.objects.create(
        subject=DataSubject.objects.create(), category=make("phone"), retention_class="identity", sealed=b"CANARY-77"
    )
    row.sealed = b"CANARY-778"
    row.save()
    response = page.get(history_of(row))
    changed, created = entries(response)
    assert "Sealed value sealed (9 bytes) sealed (10 bytes)" in changed
    assert "Sealed value sealed (9 bytes)" in created
    assert "CANARY" not in response.content.decode()
    assert "CANARY" not in page.get(version_of(row, 0)).content.decode()


def test_a_changed_foreign_key_is_told_by_name_even_when_its_target_is_gone(page):
    old, new = make("old-code"), make("new-code")
    row = PersonalData.objects.create(
        subject=DataSubject.objects.create(), category=old, retention_class="identity", sealed=b"x"
    )
    row.category = new
    row.save()
    assert "Data category old-code en new-code en" in entries(page.get(history_of(row)))[0]
    number = old.pk
    old.delete()
    assert f"Data category data category {number}, deleted new-code" in entries(page.get(history_of(row)))[0]


def version_with_changes(number, changes, people):
    version = PolicyVersion.objects.create(policy=Policy.objects.create(code=f"p{number}", title_ru="П"), number=1)
    for n in range(changes):
        with acting_as(f"officer:{people[n % 5].pk}"):
            PolicyVersion.objects.filter(pk=version.pk).update(
                change_summary_ru=f"номер {n} " * 30, created_by=people[(n + 1) % 5]
            )
    return version


def test_fifty_changes_cost_as_many_queries_as_five(page, reader):
    people = [StaffUser.objects.create_user(f"person{n}") for n in range(5)]
    counts = {}
    for changes in (4, 49):
        version = version_with_changes(changes, changes, people)
        page.get(history_of(version))
        with CaptureQueriesContext(connection) as queries:
            response = page.get(history_of(version))
        counts[len(entries(response))] = len(queries)
    assert list(counts) == [5, 50]
    assert counts[5] == counts[50] <= 15
    assert entries(response)[0].count("person") == 3, "who, and the old and new value, all by name"


def test_of_a_long_text_the_changed_words_are_marked_and_the_far_ones_left_out(page):
    text = [f"w{n}" for n in range(400)]
    version = PolicyVersion.objects.create(
        policy=Policy.objects.create(code="main"), number=1, change_summary_ru=" ".join(text)
    )
    text[200] = "<b>changed</b>"
    version.change_summary_ru = " ".join(text)
    version.save()
    body = page.get(history_of(version)).content.decode()
    assert "<del>w200</del>" in body
    assert "<ins>&lt;b&gt;changed&lt;/b&gt;</ins>" in body, "a text is text and never markup"
    changed = entries(page.get(history_of(version)))[0]
    assert "w199" in changed
    assert "w201" in changed
    assert "w100" not in changed


def test_dates_and_ranges_are_local_and_the_open_end_is_a_word(page):
    since = datetime(2026, 3, 1, 20, 30, tzinfo=UTC)
    with translation.override("en"):
        assert "2 March 2026" in words(since) or "March 2, 2026" in words(since)
        assert words(TimestamptzRange(since, None)).startswith("from ")
        assert words(None) == words("") == "—"
        assert words(False) == "no"
        assert words(memoryview(b"abc")) == "sealed (3 bytes)"


def test_fifty_changes_are_a_page_and_the_rest_a_link_away(page):
    row = DataSubject.objects.create()
    for n in range(59):
        DataSubject.objects.filter(pk=row.pk).update(language=("ru", "kk")[n % 2])
    first = page.get(history_of(row))
    assert len(entries(first)) == 50
    (older,) = re.findall(r'href="(\?before=\d+)"', first.content.decode())
    second = page.get(history_of(row) + older)
    assert len(entries(second)) == 10
    assert 'href="?before=' not in second.content.decode()
    assert f'href="{history_of(row)}"' in second.content.decode()
    ids = [set(re.findall(r'id="change-(\d+)"', r.content.decode())) for r in (first, second)]
    assert len(ids[0] | ids[1]) == 60
    assert entries(second)[0].count("Language") == 1, "the page's first change knows the one before it"


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "0"])
def test_a_silly_place_to_start_from_is_no_error(before, page):
    row = DataSubject.objects.create()
    assert page.get(history_of(row), {"before": before}).status_code == 200


# one version


def test_a_version_is_the_row_as_it_was_and_can_only_be_read(page, reader):
    permit(reader, "view_datacategory", "change_datacategory")
    row = make("iin")
    DataCategory.objects.update(title_kk="other")
    response = page.get(version_of(row, 0))
    assert "Title (Kazakh) iin kk" in re.sub(r"\s+", " ", strip_tags(response.content.decode()))
    content = response.content.decode().split('id="content-main"')[1]
    assert "<form" not in content.split("</main>")[0]
    assert "<input" not in content.split("</main>")[0]
    for url in (version_of(row, 0), history_of(row)):
        answer = page.post(url, {"code": "reverted"})
        assert answer.status_code in (200, 405)
    assert set(DataCategory.objects.values_list("code", flat=True)) == {"iin"}
    assert page.post(version_of(row, 0), {"code": "reverted"}).status_code == 405


def test_the_history_of_a_deleted_row_can_still_be_read(page):
    row = make("gone")
    pk = row.pk
    urls_of = history_of(row), version_of(row, 0)
    row.delete()
    for url in urls_of:
        response = page.get(url)
        assert response.status_code == 200
        assert "gone" in response.content.decode()
        assert f"data category {pk}" in response.content.decode()
        assert reverse("admin:subjects_datacategory_change", args=[pk]) + '"' not in response.content.decode()


@pytest.mark.parametrize("pk", ["999999", "abc", "1_2F", "9" * 40])
def test_what_never_was_is_not_found(pk, page):
    row = make("iin")
    assert page.get(f"/admin/subjects/datacategory/{pk}/history/").status_code == 404
    assert page.get(f"/admin/subjects/datacategory/{row.pk}/history/{pk}/").status_code == 404


def test_a_version_of_another_row_is_not_shown_as_this_ones(page):
    one, other = make("one"), make("other")
    url = version_of(other, 0).replace(f"/{other.pk}/", f"/{one.pk}/", 1)
    assert page.get(url).status_code == 404


def test_who_may_not_see_the_model_may_not_see_its_history(page, reader):
    row = make("iin")
    permit(reader, "view_datasubject")
    for url in (history_of(row), version_of(row, 0)):
        assert page.get(url).status_code == 403
    permit(reader, "view_datacategory")
    for url in (history_of(row), version_of(row, 0)):
        assert page.get(url).status_code == 200
    assert Client().get(history_of(row)).status_code == 302, "whoever has not signed in is asked to"


def test_a_row_hidden_from_a_reader_has_no_history_for_them_either(page, monkeypatch):
    row = make("iin")
    monkeypatch.setattr(CategoryAdmin, "get_queryset", lambda self, request: DataCategory.objects.none())
    for url in (history_of(row), version_of(row, 0)):
        assert page.get(url).status_code == 404


def test_the_history_button_leads_here(page):
    row = make("iin")
    change = page.get(reverse("admin:subjects_datacategory_change", args=[row.pk])).content.decode()
    assert re.search(rf'href="{history_of(row)}[^"]*" class="historylink"', change)


def test_the_pages_hold_to_the_content_security_policy(page):
    row = make("iin")
    AccessRecord.objects.create(door="job", category="iin", reason="letters")
    for url in (history_of(row), version_of(row, 0), "/admin/audit/accessrecord/"):
        response = page.get(url)
        assert "'unsafe" not in response["Content-Security-Policy"]
        body = response.content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", body)
        assert not re.search(r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")", body)


def test_the_pages_speak_the_readers_language_once_it_is_translated(page, monkeypatch):
    """Nothing on the pages is fixed English: with a catalogue that turns every string round, all of it turns."""
    row = make("iin")
    DataCategory.objects.update(biometric=True)
    catalogue = translation._trans.translation("en")
    ours = ["History: %(object)s", "Field", "Old value", "New value", "job %(name)s", "yes", "no", "Kazakh", "created"]
    for text in ours:
        monkeypatch.setitem(catalogue._catalog._catalogs[0], text, f"¡{text}!")
        monkeypatch.setitem(catalogue._catalog._catalogs[0], f"history\x04{text}", f"¡{text}!")
    body = page.get(history_of(row)).content.decode()
    for text in ("¡Field!", "¡Old value!", "¡New value!", "¡job test!", "¡yes!", "¡no!", "(¡Kazakh!)", "¡created!"):
        assert text in body, text
