"""Scans of signed papers: told by content, kept once and sealed, opened with a reason and a record."""

import hashlib

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from audit.models import AccessRecord
from consent import ledger, paper
from consent.enums import State
from consent.models import ConsentEvent, Scan
from subjects import loans
from subjects.models import SubjectKey
from tests.consent.factories import form, given, version
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction[3 0 R /Fit]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF canary\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR canary\x00\x00\x00\x00IEND\xaeB`\x82"


def clerk():
    return permit(StaffUserFactory(), "consent.record_consentevent")


def second():
    return permit(StaffUserFactory(), "consent.confirm_consentevent")


class TestTheType:
    @pytest.mark.parametrize(("content", "kind"), [(PDF, "application/pdf"), (JPEG, "image/jpeg"), (PNG, "image/png")])
    def test_is_what_the_content_says(self, content, kind):
        assert paper.media_type(content) == kind

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "no PDF"),
            (b"MZ\x90\x00 a program", "no PDF"),
            (b"<html>%PDF-1.7 %%EOF", "no PDF"),
            (b"GIF89a", "no PDF"),
            (b"PK\x03\x04 a document", "no PDF"),
            (PDF[:-20], "not whole"),
            (JPEG[:-2], "not whole"),
            (PNG[:-1], "not whole"),
            (PDF.replace(b"/Root", b"/Encrypt 5 0 R /Root"), "password"),
            (PDF.replace(b"/Root", b"/Encrypt<</V 4>> /Root"), "password"),
            (PDF.replace(b"/Type", b"/JavaScript (app.alert) /Type"), "programs"),
            (PDF.replace(b"/Type", b"/Launch /Type"), "programs"),
            (PDF[:-6] + b"0" * paper.MOST_BYTES + b"%%EOF\n", "10 MB"),
        ],
    )
    def test_anything_else_is_refused_with_what_to_do(self, content, sentence):
        with pytest.raises(ValidationError) as refused:
            paper.media_type(content)
        assert sentence in refused.value.messages[0]

    def test_ten_megabytes_are_not_too_many(self):
        assert paper.media_type(PDF[:-6] + b"0" * (paper.MOST_BYTES - len(PDF)) + b"%%EOF\n") == "application/pdf"


class TestKeeping:
    def test_the_same_content_of_a_person_is_kept_once_and_sealed(self, person):
        one, two = paper.store(subject=person, content=JPEG), paper.store(subject=person, content=JPEG)
        assert one == two
        assert (one.sha256, one.size) == (hashlib.sha256(JPEG).hexdigest(), len(JPEG))
        assert b"canary" not in bytes(Scan.objects.get().sealed)
        other = paper.store(subject=DataSubjectFactory(), content=JPEG)
        assert other != one, "another person's key seals it anew"

    def test_a_scan_is_never_changed_or_deleted(self, person):
        scan = paper.store(subject=person, content=JPEG)
        for act in (lambda: Scan.objects.update(size=1), scan.delete):
            with pytest.raises(IntegrityError), transaction.atomic():
                act()


class TestOpening:
    def test_the_record_says_who_whose_and_why(self, person):
        scan, officer = paper.store(subject=person, content=PNG), second()
        with as_officer(officer):
            assert paper.open_scan(scan=scan, by=officer, reason="scan_confirm") == PNG
        record = AccessRecord.objects.get(category="consent.scan")
        assert (record.door, record.reference, record.reason) == ("reveal", str(person), "scan_confirm")
        assert record.user_id == officer.pk

    def test_without_the_right_or_a_known_reason_nothing_opens_and_nothing_is_recorded(self, person):
        scan, officer = paper.store(subject=person, content=PNG), second()
        with as_officer(officer), pytest.raises(ValueError, match="curious"):
            paper.open_scan(scan=scan, by=officer, reason="curious")
        typist = clerk()
        with as_officer(typist), pytest.raises(PermissionDenied):
            paper.open_scan(scan=scan, by=typist, reason="scan_confirm")
        assert not AccessRecord.objects.filter(category="consent.scan").exists()

    def test_after_the_evidence_key_is_destroyed_nobody_opens_it(self, person):
        scan, officer = paper.store(subject=person, content=PNG), second()
        SubjectKey.objects.filter(subject=person, retention_class="evidence").delete()
        with as_officer(officer), pytest.raises(PermissionDenied):
            paper.open_scan(scan=scan, by=officer, reason="scan_confirm")


class TestWithdrawals:
    def record(self, person, by, **changes):
        values = {
            "subject": person, "form": form("C8"), "scope": "", "channel": "call", "occurred_at": timezone.now(),
            "reason": "withdrawal_by_call", "by": by,
        }  # fmt: skip
        with as_officer(by):
            return paper.record_withdrawal(**{**values, **changes})

    def test_one_officer_is_enough_and_the_event_says_who_and_why(self, person):
        given(person, version(form("C8")))
        typist = clerk()
        event = self.record(person, typist, content=JPEG, channel="paper", reason="withdrawal_written")
        assert (event.kind, event.reason, event.channel) == ("withdrawn", "withdrawal_written", "paper")
        assert (event.actor, event.trust) == (f"officer:{typist.pk}", "staff_entered")
        assert event.scan == Scan.objects.get()

    def test_an_open_contract_defers_it_as_in_the_cabinet(self, person):
        given(person, version(form("C1")))
        loans.record_contract(subject=person, number="K-1")
        self.record(person, clerk(), form=form("C1"))
        assert ledger.standings(person)["C1", ""].state == State.WITHDRAWAL_DEFERRED

    def test_needs_the_right_and_a_known_reason(self, person):
        given(person, version(form("C8")))
        with pytest.raises(PermissionDenied):
            self.record(person, second())
        with pytest.raises(ValueError, match="because"):
            self.record(person, clerk(), reason="because")
        assert not ConsentEvent.objects.filter(kind="withdrawn").exists()

    def test_with_a_bad_scan_nothing_is_withdrawn_and_nothing_kept(self, person):
        given(person, version(form("C8")))
        with pytest.raises(ValidationError):
            self.record(person, clerk(), content=b"MZ")
        assert not Scan.objects.exists()
        assert ledger.standings(person)["C8", ""].is_ground
