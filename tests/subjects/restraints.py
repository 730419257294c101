"""A row of every restraint, relation and holding about a person, for pages and tests."""

from datetime import date, timedelta

from django.utils import timezone

from staff import opening
from staff.models import StaffUser, Undertaking
from staff.services import accept_undertaking
from subjects import (
    deaths,
    denylist,
    holds,
    iin_corrections,
    loans,
    recording,
    relations,
    suppression,
    verification,
)
from subjects.models import AutomatedDecision, DataCategory, DataSubject, DenylistEntry, SourceSystem, TechnicalHolding
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

AUTHOR = (
    "subjects.add_denylistentry", "subjects.add_amlentry", "subjects.add_legalhold", "subjects.change_legalhold",
    "subjects.add_representative", "subjects.add_personlink", "subjects.add_death", "subjects.add_iincorrection",
)  # fmt: skip
SECOND = ("subjects.approve_denylistentry", "subjects.approve_amlentry", "subjects.lift_legalhold")


def soon(days: int = 90) -> date:
    return timezone.localdate() + timedelta(days=days)


def author() -> StaffUser:
    return permit(StaffUserFactory(), *AUTHOR)


def second() -> StaffUser:
    return permit(StaffUserFactory(), *SECOND)


def deny(person: DataSubject, *, by: StaffUser, then: StaffUser, kind: str = "fraud", note: str = "") -> DenylistEntry:
    """An entry in force: proposed by one, approved by another."""
    with as_officer(by):
        entry = denylist.propose(
            subject=person, kind=kind, reason="false_data", origin="ourselves", review_on=soon(), by=by, note=note
        )
    with as_officer(then):
        return opening.approve(entry, by=then)


def monitor(person: DataSubject, *, by: StaffUser, then: StaffUser, note: str = "дело 5"):
    """An entry of financial monitoring in force."""
    with as_officer(by):
        entry = denylist.propose_aml(subject=person, reason="sanctions", review_on=soon(), by=by, note=note)
    with as_officer(then):
        return opening.approve(entry, by=then)


def one_of_each(person: DataSubject, other: DataSubject) -> None:
    """A row of every model here, about `person`."""
    by, then = author(), second()
    if undertaking := Undertaking.objects.current():
        with as_officer(by):
            accept_undertaking(user=by, language="ru", version_expected=undertaking.version)
    deny(person, by=by, then=then, note="…")
    denylist.dispute(entry=person.denials.get(), statement="…")
    monitor(other, by=by, then=then)
    with as_officer(by):
        holds.place(subject=person, kind="court", case_number="7527-26", body="Суд", by=by)
        relations.authorise(
            subject=person,
            representative=other,
            basis="power_of_attorney",
            acts=["ask"],
            document_kind="power_of_attorney",
            last_four="1234",
            by=by,
            valid_until=soon(),
        )
        relations.link(subject=person, other=other, kind="spouse")
        late = DataSubjectFactory(email=None)
        deaths.record(
            subject=late, died_on=timezone.localdate(), document_kind="death_certificate", last_four="0007", by=by
        )
        iin_corrections.propose(
            subject=person, iin="010203550014", birth_date=date(2001, 2, 3), sex="male", document_kind="id_card",
            last_four="1234", by=by,
        )  # fmt: skip
    AutomatedDecision.objects.create(
        subject=person,
        client="loans",
        number="D-1",
        kind="credit",
        outcome="refused",
        occurred_at=timezone.now(),
        categories=["salary_amount"],
        review_asked_at=timezone.now(),
    )
    system = SourceSystem.objects.create(code="site", title_kk="Сайт", title_ru="Сайт")
    TechnicalHolding.objects.create(
        subject=person,
        category=DataCategory.objects.get(code="ip_address"),
        system=system,
        during=(date(2026, 1, 1), date(2026, 2, 1)),
        count=12,
    )
    recording.record(subject=person, category="employer", values=[{"value": "…"}], source="api")
    value = person.values.select_related("subject", "category").get(category__code="employer")
    verification.note(value=value, against="bank", result="mismatch", found={"value": "…!"})
    suppression.suppress(kind="email", text="gone@example.kz", reason="objected")
    application = loans.record_application(subject=person, number="Z-9")
    loans.record_contract(subject=person, number="K-17", application=application)
