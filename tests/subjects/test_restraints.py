"""Holds, the denylist, disputes, monitoring, suppressions, representatives: who may, four eyes, and what stays unseen."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actor import acting_as
from audit.models import AccessRecord
from staff import opening
from staff.enums import Role
from staff.models import StaffUser
from staff.rules import NotAllowed
from subjects import denylist, holds, registers, relations, suppression
from subjects.enums import IndexKind
from subjects.models import (
    AmlEntry,
    DataSubject,
    DenialDispute,
    DenylistEntry,
    DocumentSeen,
    LegalHold,
    PersonLink,
    Representative,
    SearchKey,
    Suppression,
)
from tests.staff.conftest import member, refused  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.restraints import author, deny, monitor, one_of_each, second, soon

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(db):
    with acting_as("command:load_registers@test"):
        registers.load_clock()


@pytest.fixture
def person(db) -> DataSubject:
    return DataSubjectFactory()


def hold(person: DataSubject, by: StaffUser, **changes) -> LegalHold:
    with as_officer(by):
        return holds.place(
            subject=person, **{"kind": "court", "case_number": "7527-26", "body": "Суд", **changes}, by=by
        )


class TestHolds:
    def test_a_hold_counts_at_once_and_until_two_have_lifted_it(self, person):
        by, then = author(), second()
        row = hold(person, by)
        assert holds.held([person.pk]) == {person.pk}
        with as_officer(by):
            holds.propose_lift(hold=row, by=by)
        assert holds.held([person.pk]) == {person.pk}, "a proposal lifts nothing"
        with as_officer(then):
            holds.lift(hold=row, by=then)
        assert holds.held([person.pk]) == set()
        assert holds.held([person.pk], at=row.since + timedelta(microseconds=1)) == {person.pk}

    def test_nobody_lifts_what_they_proposed_to_lift_not_even_by_sql(self, person):
        both = permit(author(), "subjects.lift_legalhold")
        row = hold(person, both)
        with as_officer(both):
            holds.propose_lift(hold=row, by=both)
            with refused("four_eyes"):
                holds.lift(hold=row, by=both)
            with pytest.raises(IntegrityError), transaction.atomic():
                LegalHold.objects.filter(pk=row.pk).update(lifted_by=both, lifted_at=timezone.now())
            with pytest.raises(IntegrityError), transaction.atomic():
                LegalHold.objects.update(
                    lift_proposed_by=None, lift_proposed_at=None, lifted_by=both, lifted_at=timezone.now()
                )
        assert holds.held([person.pk]) == {person.pk}

    def test_it_may_stay_after_all_and_ends_by_itself_on_its_day(self, person):
        by, then = author(), second()
        row = hold(person, by, until=timezone.localdate())
        with as_officer(by):
            holds.propose_lift(hold=row, by=by)
        with as_officer(then):
            assert holds.keep(hold=row, by=then).lift_proposed_by is None
        assert holds.held([person.pk]) == {person.pk}
        assert holds.held([person.pk], at=timezone.now() + timedelta(days=1)) == set()

    def test_without_the_right_nothing_is_placed_or_lifted(self, person):
        nobody = StaffUserFactory()
        with as_officer(nobody), refused("permission"):
            holds.place(subject=person, kind="court", case_number="1", body="Суд", by=nobody)
        row = hold(person, author())
        with as_officer(nobody), refused("permission"):
            holds.propose_lift(hold=row, by=nobody)

    def test_the_case_names_no_person(self, person):
        with pytest.raises(ValidationError) as error:
            hold(person, author(), case_number="иск к 850314390019")
        assert "text_iin" in {e.code for e in error.value.error_dict["case_number"]}

    def test_monitoring_keeps_data_too_and_nobody_learns_which_it_is(self, person):
        monitor(person, by=author(), then=second())
        assert holds.held([person.pk]) == {person.pk}
        assert not LegalHold.objects.exists()


class TestDenylist:
    def test_an_entry_is_a_proposal_until_a_second_person_approved_it(self, person):
        by = permit(author(), "subjects.approve_denylistentry")
        with as_officer(by):
            entry = denylist.propose(
                subject=person, kind="fraud", reason="overdue", origin="bureau", review_on=soon(), by=by
            )
            with refused("four_eyes"):
                opening.approve(entry, by=by)
        assert not DenylistEntry.objects.in_force().exists()

    def test_another_reason_is_written_down_and_a_review_lies_ahead(self, person):
        by = author()
        told = {"subject": person, "kind": "abuse", "origin": "ourselves", "by": by}
        with as_officer(by):
            with pytest.raises(ValidationError):
                denylist.propose(**told, reason="other", review_on=soon())
            with pytest.raises(ValidationError):
                denylist.propose(**told, reason="threats", review_on=timezone.localdate())
            entry = denylist.propose(**told, reason="other", review_on=soon(), note="Жалоба Иванова")
        assert "Иванова".encode() not in bytes(entry.sealed_note)

    def test_the_note_opens_for_a_reason_to_whom_may_see_the_list(self, person):
        entry = deny(person, by=author(), then=second(), note="секрет")
        reader = permit(StaffUserFactory(), "subjects.reveal_value", "subjects.view_denylistentry")
        with as_officer(reader):
            assert denylist.read_note(entry=entry, by=reader, reason="check") == {"value": "секрет"}
        assert AccessRecord.objects.get(door="reveal").reference == str(person)
        for poor in ("subjects.reveal_value", "subjects.view_denylistentry"):
            with pytest.raises(PermissionDenied):
                denylist.read_note(entry=entry, by=permit(StaffUserFactory(), poor), reason="check")

    def test_a_dispute_is_decided_by_somebody_else_and_two_close_the_entry(self, person):
        by, then = author(), second()
        entry = deny(person, by=by, then=then)
        dispute = denylist.dispute(entry=entry, statement="Это не я, 850314390019")
        assert b"850314390019" not in bytes(dispute.sealed_statement)
        with pytest.raises(ValidationError):
            denylist.dispute(entry=entry)
        for own in (by, then):
            own = permit(own, "subjects.decide_denialdispute")
            with as_officer(own), refused("four_eyes"):
                denylist.decide_dispute(dispute=dispute, outcome="upheld", by=own)
        judge = permit(StaffUserFactory(), "subjects.decide_denialdispute", "subjects.add_denylistentry")
        with as_officer(judge):
            denylist.decide_dispute(dispute=dispute, outcome="removed", by=judge)
            with refused("overtaken"):
                denylist.decide_dispute(dispute=dispute, outcome="upheld", by=judge)
        assert DenylistEntry.objects.in_force().exists(), "the entry waits for a second officer"
        entry.refresh_from_db()
        with as_officer(then):
            opening.approve_closing(entry, by=then)
        assert not DenylistEntry.objects.in_force().exists()

    def test_who_decides_reads_what_the_person_says(self, person, member):  # noqa: F811
        listed = member(Role.OFFICER)
        dispute = denylist.dispute(entry=deny(person, by=listed, then=second()), statement="Это не я")
        place, client = f"/admin/subjects/denialdispute/{dispute.pk}/", Client()
        client.force_login(member(Role.DPO))
        assert f"{place}statement/" in client.get(f"{place}change/").content.decode()
        assert "Это не я" not in client.get(f"{place}statement/").content.decode()
        assert not AccessRecord.objects.exists()
        assert "Это не я" in client.post(f"{place}statement/", {"reason": "check"}).content.decode()
        assert AccessRecord.objects.get(door="reveal").reference == str(person)
        client.force_login(listed)
        assert client.post(f"{place}statement/", {"reason": "check"}).status_code == 403
        assert f"{place}statement/" not in client.get(f"{place}change/").content.decode()
        client.force_login(member(Role.OFFICER, username="another"))
        assert f"{place}statement/" in client.get(f"{place}change/").content.decode()
        assert "Это не я" in client.post(f"{place}statement/", {"reason": "check"}).content.decode()
        for poor in ("subjects.reveal_value", "subjects.view_denialdispute"):
            with pytest.raises(PermissionDenied):
                denylist.read_statement(dispute=dispute, by=permit(StaffUserFactory(), poor), reason="check")

    def test_the_database_refuses_a_dispute_decided_by_who_listed_the_person(self, person):
        by, then, judge = author(), second(), StaffUserFactory()
        dispute = denylist.dispute(entry=deny(person, by=by, then=then))
        row = DenialDispute.objects.filter(pk=dispute.pk)

        def decided(who: StaffUser, outcome: str = "upheld") -> int:
            with transaction.atomic():
                return row.update(outcome=outcome, decided_by=who, decided_at=timezone.now())

        for own in (by, then):
            with as_officer(own), pytest.raises(IntegrityError, match="put the person on the list"):
                decided(own)
        with as_officer(by), pytest.raises(IntegrityError, match="nobody signs"):
            decided(judge)
        with as_officer(judge):
            assert decided(judge) == 1
            with pytest.raises(IntegrityError, match="stays decided"):
                decided(judge, "removed")

    def test_a_dispute_has_no_outcome_without_who_and_when(self, person):
        dispute = denylist.dispute(entry=deny(person, by=author(), then=second()))
        with pytest.raises(IntegrityError), transaction.atomic():
            DenialDispute.objects.filter(pk=dispute.pk).update(outcome="upheld")


class TestMonitoring:
    """A monitored person looks byte for byte as an unmonitored one to whoever need not know (DESIGN 4)."""

    PAGES = (
        "/admin/subjects/datasubject/{pk}/change/",
        "/admin/subjects/datasubject/{pk}/history/",
        "/admin/subjects/datasubject/",
        "/admin/subjects/denylistentry/",
        "/admin/subjects/legalhold/",
        "/admin/subjects/personaldata/",
        "/admin/subjects/amlentry/",
        "/admin/",
    )

    @staticmethod
    def shown(client: Client, person: DataSubject) -> list[tuple[int, str]]:
        found = []
        for page in TestMonitoring.PAGES:
            response = client.get(page.format(pk=person.pk))
            text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())
            found.append((response.status_code, text.replace(response["X-Request-Id"], "")))
        return found

    @pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR, Role.ADMINISTRATOR])
    def test_who_need_not_know_sees_no_trace(self, person, member, role):  # noqa: F811
        client = Client()
        client.force_login(member(role))
        by, then = author(), second()
        before = self.shown(client, person)
        monitor(person, by=by, then=then)
        reader = permit(StaffUserFactory(), "subjects.reveal_value", "subjects.view_amlentry")
        with as_officer(reader):
            denylist.read_note(entry=AmlEntry.objects.get(), by=reader, reason="check")
        after = self.shown(client, person)
        for page, was, now in zip(self.PAGES, before, after, strict=True):
            assert now == was, page

    @pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
    def test_a_check_by_a_state_body_leaves_no_trace_at_the_counter(self, person, member, role):  # noqa: F811
        client = Client()
        client.force_login(member(role))
        before = self.shown(client, person)
        row = hold(person, author(), kind="authority", body="АФМ", case_number="17-4")
        for page, was, now in zip(self.PAGES, before, self.shown(client, person), strict=True):
            assert now == was, page
        place = f"/admin/subjects/legalhold/{row.pk}"
        version = row.history.get().pk
        for page in ("change/", "history/", f"history/{version}/"):
            assert client.get(f"{place}/{page}").status_code in (302, 404), page
        assert "17-4" not in client.get(f"{place}/change/", follow=True).content.decode()
        assert client.post(f"{place}/step/propose-lift/").status_code == 404
        hold(person, author())
        assert "7527-26" in client.get("/admin/subjects/legalhold/").content.decode(), "a case of court is no secret"

    @pytest.mark.parametrize("role", [Role.OFFICER, Role.DPO])
    def test_who_handles_monitoring_sees_it(self, person, member, role):  # noqa: F811
        client = Client()
        client.force_login(member(role))
        hold(person, author(), kind="authority", case_number="17-4")
        for page in ("/admin/subjects/legalhold/", f"/admin/subjects/datasubject/{person.pk}/change/"):
            assert "17-4" in client.get(page).content.decode(), page

    def test_nor_do_the_numbers_of_the_other_list_tell(self, person):
        by, then = author(), second()
        first = deny(person, by=by, then=then).pk
        monitor(person, by=by, then=then)
        other = DataSubjectFactory()
        assert deny(other, by=by, then=then).pk == first + 1

    def test_the_look_at_its_note_names_nobody(self, person):
        monitor(person, by=author(), then=second())
        reader = permit(StaffUserFactory(), "subjects.reveal_value", "subjects.view_amlentry")
        with as_officer(reader):
            denylist.read_note(entry=AmlEntry.objects.get(), by=reader, reason="check")
        record = AccessRecord.objects.get()
        assert (record.reference, record.user) == ("", reader)

    def test_who_must_know_does(self, person, member):  # noqa: F811
        monitor(person, by=author(), then=second())
        for role in (Role.OFFICER, Role.DPO):
            client = Client()
            client.force_login(member(role))
            assert str(person) in client.get("/admin/subjects/amlentry/").content.decode()


class TestSuppression:
    def test_the_list_outlives_the_persons_data_and_gives_no_address_away(self):
        person = DataSubjectFactory(email="gone@example.kz", phone="+77010000001", iin="850314390019")
        assert suppression.suppress_person(subject=person, reason="erased") == 3
        assert suppression.suppressed_people([person.pk]) == {person.pk}
        SearchKey.objects.filter(subject=person).delete()
        assert suppression.suppressed(kind=IndexKind.EMAIL, texts=["GONE@example.kz", "b@example.kz", "?"]) == {
            "GONE@example.kz"
        }
        assert suppression.suppressed(kind=IndexKind.PHONE, texts=["8 701 000 00 01"]) == {"8 701 000 00 01"}
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM subjects_suppression s WHERE s::text ILIKE '%gone%'")
            assert cursor.fetchone() == (0,)

    def test_the_newest_word_counts_and_the_older_ones_stay(self):
        for _again in range(2):
            suppression.suppress(kind="email", text="a@example.kz", reason="objected")
            assert suppression.suppressed(kind="email", texts=["a@example.kz"])
            suppression.allow(kind="email", text="A@example.kz")
            assert not suppression.suppressed(kind="email", texts=["a@example.kz"])
        assert Suppression.objects.count() == 4
        with pytest.raises(IntegrityError), transaction.atomic():
            Suppression.objects.all().delete()


class TestRelations:
    def authorise(self, person: DataSubject, other: DataSubject, by: StaffUser, **changes) -> Representative:
        told = {"basis": "power_of_attorney", "acts": ["ask", "know"], "document_kind": "power_of_attorney"}
        told |= {"last_four": "12ab", "valid_until": soon(), **changes}
        with as_officer(by):
            return relations.authorise(subject=person, representative=other, by=by, **told)

    def test_a_representative_acts_in_what_was_named_until_the_last_day(self, person):
        other, by = DataSubjectFactory(), permit(author(), "subjects.change_representative")
        row = self.authorise(person, other, by, valid_until=timezone.localdate())
        may = {act: relations.may_act_for(representative=other, subject=person, act=act) for act in ("ask", "consent")}
        assert may == {"ask": True, "consent": False}
        assert not relations.may_act_for(representative=person, subject=other, act="ask")
        assert not Representative.objects.in_force(timezone.now() + timedelta(days=1)).exists()
        with as_officer(by):
            relations.end_representation(row=row, by=by)
        assert not relations.may_act_for(representative=other, subject=person, act="ask")

    def test_the_document_was_seen_by_somebody_and_no_copy_is_kept(self, person):
        by = author()
        row = self.authorise(person, DataSubjectFactory(), by)
        seen = DocumentSeen.objects.get(pk=row.document_id)
        assert (seen.user, seen.last_four, seen.seen_on) == (by, "12AB", timezone.localdate())
        held = {field.get_internal_type() for field in DocumentSeen._meta.concrete_fields}
        assert not held & {"BinaryField", "FileField", "ImageField"}

    @pytest.mark.parametrize(
        "changes", [{"valid_until": None}, {"last_four": "123"}, {"acts": []}, {"acts": ["fly"]}, {"basis": "magic"}]
    )
    def test_what_is_missing_or_made_up_is_refused_and_leaves_nothing(self, person, changes):
        with pytest.raises(ValidationError):
            self.authorise(person, DataSubjectFactory(), author(), **changes)
        assert not Representative.objects.exists()
        assert not DocumentSeen.objects.exists()

    def test_nobody_represents_themself_and_the_right_is_asked(self, person):
        with pytest.raises(ValidationError):
            self.authorise(person, person, author())
        with pytest.raises(NotAllowed):
            self.authorise(person, DataSubjectFactory(), StaffUserFactory())

    def test_a_link_ends_and_stays_in_view_of_the_past(self, person):
        other, by = DataSubjectFactory(), permit(StaffUserFactory(), "subjects.change_personlink")
        row = relations.link(subject=person, other=other, kind="guarantor")
        with pytest.raises(ValidationError):
            relations.link(subject=person, other=other, kind="guarantor")
        with as_officer(by):
            assert relations.unlink(row=row, by=by).ended_by == by
        relations.link(subject=person, other=other, kind="guarantor")
        assert PersonLink.objects.count() == 2


class TestPages:
    def test_the_page_of_a_person_tells_all_of_it_in_a_constant_number_of_queries(self, person, member):  # noqa: F811
        other = DataSubjectFactory()
        one_of_each(person, other)
        client = Client()
        client.force_login(member(Role.DPO))
        url = f"/admin/subjects/datasubject/{person.pk}/change/"
        client.get(url)
        with CaptureQueriesContext(connection) as one:
            page = client.get(url).content.decode()
        for said in ("7527-26", "K-17", "1234", str(other)):
            assert said in page
        for n in range(5):
            hold(person, author(), case_number=f"9-{n}")
            relations.link(subject=person, other=DataSubjectFactory(), kind="contact_person")
        with CaptureQueriesContext(connection) as many:
            client.get(url)
        assert len(many) == len(one)

    def test_an_officer_places_a_hold_and_a_colleague_lifts_it(self, person, member):  # noqa: F811
        officer, dpo = Client(), Client()
        officer.force_login(member(Role.OFFICER))
        dpo.force_login(member(Role.DPO))
        told = {"subject": str(person), "kind": "court", "case_number": "7527-26", "body": "Суд", "until": ""}
        wrong = officer.post("/admin/subjects/legalhold/add/", {**told, "subject": "S-999999"})
        assert wrong.status_code == 422
        assert officer.post("/admin/subjects/legalhold/add/", told).status_code == 302
        row = LegalHold.objects.get()
        step = f"/admin/subjects/legalhold/{row.pk}/step"
        officer.post(f"{step}/propose-lift/")
        officer.post(f"{step}/lift/")
        assert holds.held([person.pk]) == {person.pk}
        dpo.post(f"{step}/lift/")
        assert holds.held([person.pk]) == set()

    def test_an_entry_goes_through_the_pages(self, person, member):  # noqa: F811
        officer, dpo = Client(), Client()
        officer.force_login(member(Role.OFFICER))
        dpo.force_login(member(Role.DPO))
        told = {"subject": str(person), "kind": "fraud", "reason": "other", "origin": "police", "review_on": soon()}
        assert officer.post("/admin/subjects/denylistentry/add/", told).status_code == 422
        assert officer.post("/admin/subjects/denylistentry/add/", {**told, "note": "…"}).status_code == 302
        row = DenylistEntry.objects.get()
        assert "denylistentry" in dpo.get("/admin/").content.decode()
        dpo.post(f"/admin/subjects/denylistentry/{row.pk}/step/approve/")
        assert DenylistEntry.objects.in_force().exists()
        assert (
            officer.post(
                f"/admin/subjects/denylistentry/{row.pk}/dispute/",
                {"statement": "…", "received_at": "2026-11-30T10:00"},
            ).status_code
            == 302
        )
        opened = dpo.post(f"/admin/subjects/denylistentry/{row.pk}/note/", {"reason": "check"})
        assert "…" in opened.content.decode()

    def test_an_officer_types_a_value_and_says_why_a_doubtful_one_is_right(self, person, member):  # noqa: F811
        officer = Client()
        officer.force_login(member(Role.OFFICER))
        url = f"/admin/subjects/datasubject/{person.pk}/value/iin/"
        told = {"part_value": "850314390019", "part_sex": "female", "method": "form", "origin": "subject"}
        page = officer.post(url, told)
        assert page.status_code == 422
        assert {"part_sex", "override"} <= set(page.context["form"].errors)
        assert officer.post(url, {**told, "override": "document_seen"}).status_code == 302
        row = person.values.get(category__code="iin")
        assert (row.source, row.origin) == ("form", "subject")
        for account in ("KZ86125KZT5004100100", "KZ26999TST0000000001"):
            told = {"part_iban": account, "method": "form", "origin": "subject"}
            officer.post(f"/admin/subjects/datasubject/{person.pk}/value/bank_account/", told)
        assert person.values.filter(category__code="bank_account").count() == 2
        for closed in ("email", "ip_address", "burn"):
            assert officer.get(f"/admin/subjects/datasubject/{person.pk}/value/{closed}/").status_code == 404

    def test_a_withheld_value_leaves_no_trace_without_the_right(self, person, member):  # noqa: F811
        auditor, dpo = Client(), Client()
        auditor.force_login(member(Role.AUDITOR))
        dpo.force_login(member(Role.DPO))
        value = person.values.get()
        person.values.update(disclosure="withheld")
        for page in (f"/admin/subjects/datasubject/{person.pk}/change/", "/admin/subjects/personaldata/"):
            marks = [client.get(page).content.decode().count(f"personaldata/{value.pk}/") for client in (auditor, dpo)]
            assert marks[0] == 0 < marks[1], page
        assert dpo.get(f"/admin/subjects/datasubject/{person.pk}/reveal/{value.pk}/").status_code == 200
        reader = Client()
        reader.force_login(permit(member(Role.OPERATOR), "subjects.reveal_value"))
        assert reader.get(f"/admin/subjects/datasubject/{person.pk}/reveal/{value.pk}/").status_code == 404
