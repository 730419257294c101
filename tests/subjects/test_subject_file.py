"""The subject file: what it tells, in three languages and formats, at a constant cost, and what it never tells."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from audit.actor import acting_as
from audit.models import AccessRecord
from consent.paper import ScanReason
from notifications.models import Letter
from notifications.services import write
from staff.enums import Role
from staff.models import Operator
from subjects import (
    decisions,
    duplicates,
    holds,
    loans,
    looks,
    recording,
    registers,
    relations,
    services,
    subject_file,
    vault,
    vault_out,
    verification,
)
from subjects.enums import Disclosure
from subjects.models import (
    CabinetEvent,
    CabinetSession,
    DataCategory,
    DataSubject,
    DenylistEntry,
    PersonalData,
    PlannedDestruction,
    RequestFile,
    RequestNote,
    SourceSystem,
    TechnicalHolding,
    TextMessage,
)
from subjects.subject_file import LEFT_OUT, SECTIONS
from tests.consent.factories import form, given, version
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.asked import answer, ask
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory, named
from tests.subjects.restraints import author, deny, monitor, second, soon
from tests.subjects.travel import on
from tests.test_house_rules import OURS
from tests.transfers.factories import world
from tests.transfers.test_received import send
from transfers.packages import PackageReason

pytestmark = pytest.mark.django_db
IIN, LAST = "850314390019", "Канареева"
OPENS = ("subjects.view_datasubject", "subjects.handle_subjectrequest", "subjects.reveal_value")


@pytest.fixture
def person(db) -> DataSubject:
    return named(DataSubjectFactory(iin=IIN, phone="+77012345678"), last=LAST, first="Әйгерім")


def sections(person: DataSubject, language: str = "en", **how) -> dict:
    return subject_file.as_data(subject_file.read(person, language, **how))["sections"]


def desk(*rights: str) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(permit(StaffUserFactory(), *rights))
    return client


def load_clock() -> None:
    with acting_as("command:load_registers@tests"):
        registers.load_clock()


# who contributes


def of_people() -> set[str]:
    """Labels of models with rows about a person: they point at one, or at a row that does."""
    ours = [m for m in apps.get_models() if m._meta.app_label in OURS and not hasattr(m, "history_object")]
    found = {DataSubject}
    while more := {m for m in ours if m not in found and found & _pointed_at(m)}:
        found |= more
    return {model._meta.label for model in found}


def _pointed_at(model: type[models.Model]) -> set[type[models.Model]]:
    return {field.related_model for field in model._meta.concrete_fields if field.is_relation}


def test_whoever_has_rows_about_a_person_tells_of_them_or_says_why_not():
    covered = {label for section in SECTIONS for label in section.covers}
    silent = of_people() - covered - set(LEFT_OUT)
    assert not silent, f"neither a section of a subject_file.py covers these nor LEFT_OUT says why: {silent}"
    assert not covered & set(LEFT_OUT)
    assert all(apps.get_model(label) for label in covered | set(LEFT_OUT))
    assert all(LEFT_OUT.values())
    assert len({section.code for section in SECTIONS}) == len(SECTIONS)


# what it tells


def lived(person: DataSubject, times: int = 1) -> None:
    """`times` rows of every section."""
    by, then, opens = author(), second(), permit(StaffUserFactory(), *OPENS)
    for n in range(times):
        other = DataSubjectFactory(email=None)
        own = f"{person.pk}-{n}"
        recording.add(
            subject=person, category="property_type", parts={"value": f"дом {n}"}, source="cabinet", origin="subject"
        )
        value = PersonalData.objects.select_related("subject", "category").filter(subject=person).last()
        verification.note(value=value, against="bank", result="mismatch", found={"value": "…"})
        application = loans.record_application(subject=person, number=f"A{own}")
        loans.record_contract(subject=person, number=f"K{own}", application=application)
        row = ask(person)
        write(kind="request_received", cause=f"{row.about}#request_received", language="kk", subject_id=person.pk)
        answer(row, by=opens)
        given(person, version(form(f"C{n + 1}")))
        CabinetEvent.objects.create(kind=CabinetEvent.Kind.SIGNED_IN, subject=person)
        CabinetSession.objects.create(subject=person, device="phone", browser="Firefox")
        TextMessage.objects.create(subject=person, kind="code", cause=f"tests:{own}", language="kk")
        RequestFile.objects.create(
            subject_request=row, kind="evidence", sha256="0" * 64, media_type="application/pdf", size=9, sealed=b"x"
        )
        PlannedDestruction.objects.create(
            subject_request=row, category=value.category, count=1, confirmed=False, until=date(2032, 1, 1)
        )
        RequestNote.objects.create(subject_request=row, sealed=b"x")
        decisions.tell(
            subject=person, client="loans", number=f"D{own}", kind="credit", outcome="refused",
            occurred_at=timezone.now(), categories=["salary_amount"],
        )  # fmt: skip
        system = SourceSystem.objects.create(code=f"s{own}", title_kk="Сайт", title_ru="Сайт", title_en="Site")
        TechnicalHolding.objects.create(
            subject=person, category=DataCategory.objects.get(code="ip_address"), system=system,
            during=(date(2026, 1, 1), date(2026, 2, 1)), count=12,
        )  # fmt: skip
        if n < len(DenylistEntry.Kind):
            deny(person, by=by, then=then, kind=DenylistEntry.Kind.values[n])
        with as_officer(by):
            holds.place(subject=person, kind="court", case_number="7527-26", body="Суд", by=by)
            relations.authorise(
                subject=person, representative=other, basis="power_of_attorney", acts=["ask"],
                document_kind="power_of_attorney", last_four="1234", by=by, valid_until=soon(),
            )  # fmt: skip
            relations.link(subject=person, other=other, kind="spouse")
        with as_officer(opens):
            vault.reveal(value=value, by=opens, reason="check")


def test_it_tells_everything_in_three_languages_and_formats(person):
    registers.load()
    load_clock()
    Operator.objects.get_or_create(pk=1, defaults={"name_kk": "Айқын", "name_ru": "Айкын", "bin": "990140000385"})
    lived(person)
    values = vault.own_values(subject=person, page="file")
    for language, operator, confirmed in (
        ("kk", "Айқын", "растаймыз"),
        ("ru", "Айкын", "Подтверждаем"),
        ("en", "Айкын", "confirm"),
    ):
        file = subject_file.read(person, language, values=values)
        shown = subject_file.as_data(file)
        assert (shown["schema"], shown["subject"], shown["operator"]) == (subject_file.SCHEMA, str(person), operator)
        assert confirmed in shown["sections"]["confirmation"]["words"][0]
        # a file has one language, whatever the one who prints it reads
        heading = {"kk": "Мақсат", "ru": "Цель", "en": "Purpose"}[language]
        assert shown["sections"]["purposes"]["columns"]["purpose"] == heading
        full = [code for code, section in shown["sections"].items() if section["rows"]]
        assert {"data", "purposes", "kept", "applications", "contracts", "consents", "consent_acts", "forms_shown",
                "requests", "decisions", "denylist", "holds", "documents", "relations", "letters", "cabinet",
                "technical", "looks", "destruction", "request_files", "text_messages", "sessions"} <= set(full)  # fmt: skip
        [name] = [row["value"] for row in shown["sections"]["data"]["rows"] if row["category"]["value"] == "full_name"]
        assert name == {"value": {"last": LAST, "first": "Әйгерім"}, "text": f"{LAST} Әйгерім"}
        paper = subject_file.as_pdf(file)
        assert paper.startswith(b"%PDF")
        with zipfile.ZipFile(io.BytesIO(subject_file.as_zip(file))) as packed:
            assert [one.rpartition(".")[2] for one in packed.namelist()] == ["pdf", "json", "xlsx"]
            assert json.loads(packed.read(packed.namelist()[1])) == shown
    assert subject_file.build(person, "kk", values=values).startswith(b"%PDF")
    closed = subject_file.as_json(subject_file.read(person, "ru"))
    assert LAST not in closed
    assert IIN not in closed


def test_who_looked_is_a_role_and_a_purpose_and_no_name(person, member):  # noqa: F811
    dpo = member(Role.DPO)
    value = PersonalData.objects.select_related("subject", "category").get(subject=person, category__code="iin")
    with as_officer(dpo):
        vault.reveal(value=value, by=dpo, reason="check")
        # a demand may be one the person must not know of: nobody is told of any (DESIGN 4)
        vault.reveal(value=value, by=dpo, reason="demand")
        for reason in (ScanReason.DEMAND, PackageReason.DEMAND):
            AccessRecord.objects.create(reference=str(person), category="iin", reason=reason, door="reveal", count=1)
    with acting_as(f"subject:{person.public_id}"):
        vault.own_values(subject=person, page="file")
    with translation.override("en"):
        [look] = looks.of_person(person, {})
    assert (look.who, look.category, look.count) == ("Responsible person", "iin", 1)
    assert look.why == "internal check"
    assert len(sections(person)["looks"]["rows"]) == 1
    assert dpo.username not in subject_file.as_json(subject_file.read(person, "en"))


def test_it_costs_as_many_queries_for_a_long_life_as_for_a_short_one(person):
    registers.load()
    load_clock()
    lived(person)
    counts = []
    for at in (None, timezone.now() - timedelta(microseconds=1)):
        with CaptureQueriesContext(connection) as few:
            subject_file.read(person, "en", at=at, values=vault.own_values(subject=person, page="file", at=at))
        counts.append(len(few))
    long = DataSubjectFactory(iin="921130490023")
    lived(long, 6)
    for at, most in zip((None, timezone.now() - timedelta(microseconds=1)), counts, strict=True):
        with CaptureQueriesContext(connection) as many:
            subject_file.read(long, "en", at=at, values=vault.own_values(subject=long, page="file", at=at))
        assert len(many) <= most, [query["sql"][:150] for query in many.captured_queries]


def test_a_person_known_twice_gets_both_files_in_one(person):
    registers.load()
    other = DataSubjectFactory(phone="+77019998877")
    apart = timezone.now()
    duplicates.unite(leading=person, following=other)
    for at in (None, timezone.now() - timedelta(microseconds=1)):
        values = vault.own_values(subject=person, page="file", at=at)
        file = subject_file.read(person, "ru", at=at, values=values)
        (linked,) = subject_file.as_data(file)["linked"]
        assert linked["subject"] == str(other)
        assert "+77019998877" in str(linked["sections"]["data"]["rows"])
        assert "+77019998877" not in str(subject_file.as_data(file)["sections"])
        assert f"{other}. " in "".join(part.title for part in file.all_parts)
        assert len(subject_file.as_pdf(file)) > len(subject_file.as_pdf(replace(file, linked=())))
        with zipfile.ZipFile(io.BytesIO(subject_file.as_xlsx(file))) as book:
            assert str(other) in book.read("xl/workbook.xml").decode()
    assert subject_file.as_data(subject_file.read(person, "ru", at=apart))["linked"] == []
    assert subject_file.as_data(subject_file.read(other, "ru"))["linked"] == []
    shown = inside(person, "ru", fresh=True).get("/cabinet/file/").content.decode()
    assert "+77019998877" in shown
    subject_file.note(file, door="own", reason="file")
    noted = AccessRecord.objects.filter(reason="file", category="subjects.file").values_list("reference", flat=True)
    assert set(noted) == {str(person), str(other)}


# what it never tells


def test_the_file_of_a_monitored_person_is_that_of_an_unmonitored_one_byte_by_byte():
    made = world(kind="financial_monitoring", code="afm", ground="law", agreement=False, purpose="aml")
    monitored, other = made.person, DataSubjectFactory(email=None)
    assert send(made).transfer.disclosure == Disclosure.WITHHELD
    monitor(monitored, by=author(), then=second())
    value = vault.store(subject=monitored, category="full_name", parts={"last": "Тайный"}, source="api")
    PersonalData.objects.filter(pk=value.pk).update(disclosure=Disclosure.WITHHELD)
    reader = permit(StaffUserFactory(), *OPENS, "subjects.view_withheld", "subjects.add_subjectrequest")
    load_clock()
    with as_officer(reader):
        hidden = PersonalData.objects.select_related("subject", "category").get(pk=value.pk)
        assert vault.reveal(value=hidden, by=reader, reason="check").parts == {"last": "Тайный"}
        ask(monitored, disclosure="withheld")
    Letter.objects.filter(subject=monitored).update(state="skipped", skip_reason="outdated")
    made_at, files = timezone.now(), []
    for one in (monitored, other):
        values = vault.own_values(subject=one, page="file")
        file = replace(subject_file.read(one, "kk", values=values), made_at=made_at)
        files.append(subject_file.as_json(file).replace(str(one), "S-"))
    assert files[0] == files[1]
    assert "Тайный" not in files[0]
    # an officer with every right makes the same file
    with as_officer(reader):
        values = vault_out.reveal_for_answer(subject=monitored, by=reader, reason="request")
        assert values == []


def test_what_is_withheld_since_stands_in_no_file_or_page_of_an_earlier_day(person):
    with on(timezone.now() - timedelta(days=40)):
        early = DataSubjectFactory(email=None)
        vault.store(subject=early, category="employer", parts={"value": "ТОО Тайна"}, source="api")
        vault.store(subject=early, category="property_type", parts={"value": "дом"}, source="api")
    PersonalData.objects.filter(subject=early, category__code="employer").update(disclosure=Disclosure.WITHHELD)
    at = timezone.now() - timedelta(days=10)
    for moment in (None, at):
        values = vault.own_values(subject=early, page="file", at=moment)
        assert [value.category for value in values] == ["property_type"]
        shown = sections(early, at=moment, values=values)
        assert [row["category"]["value"] for row in shown["data"]["rows"]] == ["property_type"]
        assert [row["category"]["value"] for row in shown["kept"]["rows"]] == ["property_type"]
    client, day = desk("subjects.view_datasubject", "subjects.view_personaldata"), timezone.localdate(at).isoformat()
    page = client.get(f"/admin/subjects/datasubject/{early.pk}/change/", {"at": day})
    assert [value.category.code for value in page.context["values"]] == ["property_type"]
    assert not [event for event in page.context["timeline"] if "mployer" in event.what]


# who may make it


def test_an_officer_makes_it_with_a_reason_and_each_value_that_is_opened_is_recorded(person):
    address = f"/admin/subjects/datasubject/{person.pk}/file/"
    wanted = {"language": "kk", "format": "json", "reason": "request", "at": ""}
    reader, maker = desk(*OPENS), desk(*OPENS[:2])
    assert desk("subjects.view_datasubject").get(address).status_code == 403
    assert 'name="values"' not in maker.get(address).content.decode()

    shown = maker.post(address, wanted | {"values": "on"})
    assert shown["Content-Type"] == "application/json"
    assert "no-store" in shown["Cache-Control"]
    assert LAST not in shown.content.decode()
    assert [(r.category, r.reason) for r in AccessRecord.objects.filter(reference=str(person))] == [
        (subject_file.WHAT, "request")
    ]
    opened = reader.post(address, wanted | {"values": "on", "format": "zip"})
    assert opened.content[:2] == b"PK"
    held = PersonalData.objects.filter(subject=person).count()
    assert AccessRecord.objects.filter(reference=str(person), reason="request").count() == 1 + held + 1

    for wrong in ({"reason": ""}, {"format": "exe"}, {"language": "xx"}, {"at": "yesterday"}):
        assert reader.post(address, wanted | wrong).status_code == 422
    with pytest.raises(PermissionDenied):
        vault_out.reveal_for_answer(subject=person, by=StaffUserFactory(), reason="request")


def test_the_person_reads_it_and_takes_it_away_in_every_format(person):
    for language, heading in (("kk", "Мен туралы"), ("ru", "обо мне"), ("en", "Everything you hold on me")):
        seat = inside(person, language)
        assert heading in seat.get("/cabinet/").content.decode()
        page = seat.get("/cabinet/file/").content.decode()
        assert heading in page
        assert f"{LAST} Әйгерім" in page
        for ending, begins in (("pdf", b"%PDF"), ("json", b"{"), ("zip", b"PK")):
            file = seat.get(f"/cabinet/file/subject-file.{ending}")
            assert file.content.startswith(begins)
            assert str(person) in file["Content-Disposition"]
    seat = inside(person, "en")
    assert seat.get("/cabinet/file/?at=tomorrow").status_code == 422
    assert seat.get("/cabinet/file/subject-file.exe").status_code == 404
    before = seat.get("/cabinet/file/?at=2020-01-01")
    assert "did not stand in these records" in before.content.decode()
    assert LAST not in before.content.decode()
    # nobody else's can be asked for, and each look of the person at theirs is recorded
    assert LAST not in inside(DataSubjectFactory(), "en").get("/cabinet/file/").content.decode()
    assert AccessRecord.objects.filter(door="own", reference=str(person), reason="file.pdf").count() == 3


def test_the_command_prints_it_without_values_and_leaves_a_record(person, capsys):
    call_command("subject_file", "--subject", str(person), "--json", "--language", "kk")
    told = json.loads(capsys.readouterr().out)
    assert (told["subject"], told["values_shown"], told["as_of"]) == (str(person), False, None)
    assert len(told["sections"]["data"]["rows"]) == PersonalData.objects.filter(subject=person).count()
    assert LAST not in json.dumps(told, ensure_ascii=False)
    [record] = AccessRecord.objects.filter(reference=str(person))
    assert (record.door, record.category, record.reason) == ("job", subject_file.WHAT, "subject_file")

    call_command("subject_file", "--subject", str(person), "--at", "2020-03-01", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["as_of"], told["sections"]["data"]["rows"]) == ("2020-03-01T23:59:59+06:00", [])
    for subject, at in (("S-999999", ""), ("850314390019", ""), (str(person), "2020-13-01"), (str(person), "soon")):
        with pytest.raises(CommandError):
            call_command("subject_file", "--subject", subject, "--at", at, "--json")


# the page about a person


def test_the_page_has_a_timeline_of_who_when_what_and_why(person, member):  # noqa: F811
    dpo = member(Role.DPO)
    with as_officer(dpo):
        value = PersonalData.objects.select_related("subject", "category").get(subject=person, category__code="iin")
        vault.reveal(value=value, by=dpo, reason="check")
    given(person, version(form("C1")))
    loans.record_contract(subject=person, number="K-1", state="opened")
    services.choose_language(subject=person, language="ru")
    client = Client(headers={"accept-language": "en"})
    client.force_login(dpo)
    told = client.get(f"/admin/subjects/datasubject/{person.pk}/change/").context["timeline"]
    said = {event.what: event for event in told}
    look = said[f"Looked at: {value.category.title_en}"]
    assert (look.who, look.why) == (dpo.username, "internal check")
    assert "C1: given" in said
    assert "Contract: created (open)" in said
    assert "Data subject: changed (ordinary)" in said
    assert [event.at for event in told] == sorted((event.at for event in told), reverse=True)


def test_the_page_of_a_past_day_says_so_on_every_part_and_changes_nothing(person, member):  # noqa: F811
    dpo = member(Role.DPO)
    client = Client(headers={"accept-language": "en"})
    client.force_login(dpo)
    address = f"/admin/subjects/datasubject/{person.pk}/change/"
    today = client.get(address).content.decode()
    assert "of-the-past" not in today
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    shown = client.get(address, {"at": yesterday})
    page = shown.content.decode()
    own = 6  # head, data, letters, cabinet, who looked, timeline
    assert page.count("of-the-past") == own + len(shown.context["parts"])
    for act in ("paper-code", "/email/", "/value/", "Record a consent", "Record a withdrawal"):
        assert act not in page
    assert "did not stand in these records" in page


def test_a_value_of_a_past_day_is_opened_as_it_was(person):
    with on(timezone.now() - timedelta(days=40)):
        recording.record(
            subject=person, category="employer", values=[{"value": "ТОО Старое"}], source="cabinet", origin="subject"
        )
    recording.record(
        subject=person, category="employer", values=[{"value": "ТОО Новое"}], source="cabinet", origin="subject"
    )
    value = PersonalData.objects.get(subject=person, category__code="employer")
    day = (timezone.localdate() - timedelta(days=10)).isoformat()
    client, address = desk(*OPENS), f"/admin/subjects/datasubject/{person.pk}/reveal/{value.pk}/"
    assert "ТОО Новое" in client.post(address, {"reason": "check"}).content.decode()
    assert "ТОО Старое" in client.post(f"{address}?at={day}", {"reason": "check"}).content.decode()
    assert client.post(f"{address}?at=2020-01-01", {"reason": "check"}).status_code == 404
    assert AccessRecord.objects.filter(category="employer", door="reveal").count() == 2


def test_the_page_costs_as_many_queries_for_a_long_life_as_for_a_short_one(person, member):  # noqa: F811
    load_clock()
    long = DataSubjectFactory(iin="921130490023")
    with on(timezone.now() - timedelta(days=5)):
        lived(person)
        lived(long, 6)
    client = Client(headers={"accept-language": "en"})
    client.force_login(member(Role.DPO))
    for day in ("", (timezone.localdate() - timedelta(days=2)).isoformat()):
        counts = []
        for one in (person, long):
            client.get(f"/admin/subjects/datasubject/{one.pk}/change/", {"at": day})
            with CaptureQueriesContext(connection) as queries:
                client.get(f"/admin/subjects/datasubject/{one.pk}/change/", {"at": day})
            counts.append(len(queries))
        assert counts[1] <= counts[0], day
