"""Taking data out: exactly what the gate allowed, once, with a watermark and a hash; who looked is recorded."""

import csv
import hashlib
import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.actor import acting_as
from audit.models import AccessRecord
from audit.spreadsheet import csv_file
from staff.enums import Role
from staff.rules import NotAllowed
from subjects import vault
from subjects.models import PersonalData
from subjects.subject_page import PARTS as _parts  # noqa: F401 -- the page of a person is made of parts
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory, named
from tests.transfers import factories
from transfers import packages, services
from transfers.models import Release, ShadowMode, Transfer
from transfers.packages import PackageReason

pytestmark = pytest.mark.django_db
IIN, PHONE, SALARY = "850314390019", "+77012345678", "777123"


@pytest.fixture
def officer(member):  # noqa: F811
    return member(Role.OFFICER, username="the-officer")


@pytest.fixture
def made():
    world = factories.world()
    world.consents()
    person = world.person
    named(person, last="=HYPERLINK(1)", first="Айгүл")
    vault.store(subject=person, category="iin", parts={"value": IIN}, source="test")
    vault.store(subject=person, category="mobile_phone", parts={"value": PHONE}, source="test")
    vault.store(subject=person, category="salary_amount", parts={"value": SALARY}, source="test")
    return world


def authorised(world, by, **changed):
    with acting_as(f"officer:{by.pk}"):
        return services.authorise(question=world.question(**changed))


def taken(world, by, format: str = "csv", **changed):
    given = authorised(world, by, **changed)
    with acting_as(f"officer:{by.pk}"):
        return given.transfer, packages.prepare(
            transfer=given.transfer, token=given.token, format=format, reason=PackageReason.AGREEMENT, by=by
        )


def texts(format: str, content: bytes) -> str:
    if format != "xlsx":
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


@pytest.mark.parametrize("format", ["json", "csv", "xlsx"])
def test_the_file_holds_the_allowed_categories_and_nothing_else_and_is_what_was_released(made, officer, format):
    transfer, package = taken(made, officer, format)
    text = texts(format, package.file.content)
    assert IIN in text and "Айгүл" in text
    assert PHONE.lstrip("+") not in text and SALARY not in text
    assert str(transfer.public_id) in text and officer.username in text and made.recipient.code in text
    release = Release.objects.get()
    assert release.payload_sha256 == hashlib.sha256(package.file.content).hexdigest() == package.file.sha256
    assert release.size == len(package.file.content)


def test_no_cell_is_a_formula_and_every_row_is_marked(made, officer):
    made.consents()
    _transfer, package = taken(made, officer, categories=("full_name", "iin", "mobile_phone"))
    rows = list(csv.reader(io.StringIO(package.file.content.decode("utf-8-sig")), delimiter=";"))
    cells = {(row[0], row[3]): row[4] for row in rows[1:]}
    assert cells["full_name", "last"] == "'=HYPERLINK(1)"
    assert cells["mobile_phone", "value"] == f"'{PHONE}"
    assert all(row[-1].startswith("Kelisim · ") for row in rows[1:])
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell]
    file = csv_file([["\t=1", "@a", " -2", "a=1", None, 5]]).decode("utf-8-sig")
    assert file == "'\t=1;'@a;' -2;a=1;;5\r\n"


def test_each_value_is_recorded_as_seen_before_it_leaves(made, officer):
    vault.store(subject=made.person, category="iin", parts={"value": IIN}, source="test")
    taken(made, officer)
    found = AccessRecord.objects.filter(reason=PackageReason.AGREEMENT).order_by("category")
    assert [(row.category, row.reference, row.user) for row in found] == [
        ("full_name", str(made.person), officer),
        ("iin", str(made.person), officer),
        ("iin", str(made.person), officer),
    ]


def test_what_was_refused_lapsed_ended_or_went_already_is_not_taken_out(made, officer):
    def refused(given, code: str) -> None:
        before = AccessRecord.objects.count()
        with acting_as(f"officer:{officer.pk}"), pytest.raises((NotAllowed, services.NotReleased)) as caught:
            packages.prepare(
                transfer=given.transfer, token=given.token or "x", format="json", reason="package_claim", by=officer
            )
        assert caught.value.code == code
        assert AccessRecord.objects.count() == before, "a refusal opened values"

    refused(authorised(made, officer, categories=("iin", "salary_amount")), "refused")
    given = authorised(made, officer)
    refused(given._replace(token="another"), "unknown_token")
    PersonalData.objects.filter(category__code="mobile_phone").delete()
    with acting_as(f"officer:{officer.pk}"):
        packages.prepare(transfer=given.transfer, token=given.token, format="json", reason="package_claim", by=officer)
    refused(given, "released")
    given = authorised(made, officer)
    made.withdraws()
    refused(given, "not_allowed_now")
    assert Release.objects.count() == 1


def test_nothing_held_is_said_and_not_released(made, officer):
    PersonalData.objects.filter(subject=made.person, category__code__in=["iin", "full_name"]).delete()
    with pytest.raises(ValidationError) as caught:
        taken(made, officer)
    assert caught.value.code == "empty"
    assert not Release.objects.exists()


def test_a_value_the_person_may_not_see_stays_here(made, officer):
    PersonalData.objects.filter(category__code="iin").update(disclosure="withheld")
    _transfer, package = taken(made, officer, "json")
    assert json.loads(package.file.content)["categories"]["iin"] == []
    assert IIN not in package.file.content.decode()


class TestPages:
    def told(self, world, page: str, **changed):
        key = re.search(r'name="key" value="([0-9a-f-]{36})"', page)[1]
        return {
            "key": key, "subject": world.person.reference, "recipient": world.recipient.code,
            "purpose": world.purpose.code, "categories": ["full_name", "iin"], **changed,
        }  # fmt: skip

    def seat(self, user) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(user)
        return client

    def test_an_officer_asks_takes_the_file_once_and_the_cabinet_tells_it(self, made, officer):
        desk = self.seat(officer)
        address = reverse("admin:transfers_send")
        asked = self.told(made, desk.get(address).content.decode())
        shown = desk.post(address, asked)
        assert shown["Cache-Control"].count("no-store")
        token = re.search(r'name="token" value="([^"]+)"', shown.content.decode())[1]
        row = Transfer.objects.get()
        package = reverse("admin:transfers_package", args=[row.pk])
        wrong = desk.post(package, {"token": token, "format": "json"})
        assert wrong.status_code == 422 and not Release.objects.exists()
        file = desk.post(package, {"token": token, "format": "json", "reason": "package_agreement"})
        assert (file.status_code, file["Content-Type"]) == (200, "application/json")
        assert sorted(json.loads(file.content)["categories"]) == ["full_name", "iin"]
        again = desk.post(package, {"token": token, "format": "json", "reason": "package_agreement"})
        assert again.status_code == 422 and "each is sent once" in again.content.decode()
        # the same form once more: the same answer, and no second token
        assert "This was answered already" in desk.post(address, asked).content.decode()
        cabinet = inside(made.person, "en").get(reverse("transfers:received")).content.decode()
        assert str(made.recipient) in cabinet and "credit bureau" in cabinet

    def test_a_refusal_is_kept_and_offers_no_file(self, made, officer):
        desk = self.seat(officer)
        address = reverse("admin:transfers_send")
        asked = self.told(made, desk.get(address).content.decode(), categories=["iin", "salary_amount"])
        shown = desk.post(address, asked).content.decode()
        assert 'name="token"' not in shown and "Allowed without" in shown
        assert Transfer.objects.get().decision == "deny"

    def test_in_shadow_mode_the_file_is_offered_and_the_page_says_why(self, made, officer):
        factories.closed(made.agreement)
        factories.opened(ShadowMode, ends_at=timezone.now() + timedelta(days=1))
        desk = self.seat(officer)
        address = reverse("admin:transfers_send")
        shown = desk.post(address, self.told(made, desk.get(address).content.decode())).content.decode()
        assert "let through in shadow mode" in shown
        token = re.search(r'name="token" value="([^"]+)"', shown)[1]
        package = reverse("admin:transfers_package", args=[Transfer.objects.get().pk])
        file = desk.post(package, {"token": token, "format": "json", "reason": "package_agreement"})
        assert sorted(json.loads(file.content)["categories"]) == ["full_name", "iin"]
        assert Release.objects.get().transfer.decision != "allow"

    def test_when_shadow_mode_has_ended_nothing_is_taken_out(self, made, officer):
        factories.closed(made.agreement)
        mode = factories.opened(ShadowMode, ends_at=timezone.now() + timedelta(days=1))
        given = authorised(made, officer)
        factories.closed(mode)
        before = AccessRecord.objects.count()
        with acting_as(f"officer:{officer.pk}"), pytest.raises(NotAllowed) as refused:
            packages.prepare(
                transfer=given.transfer, token=given.token, format="json", reason="package_claim", by=officer
            )
        assert (refused.value.code, AccessRecord.objects.count()) == ("not_allowed_now", before)

    @pytest.mark.parametrize("role", ["operator", "dpo", "auditor", "administrator"])
    def test_other_roles_take_nothing_out(self, made, officer, member, role):  # noqa: F811
        given = authorised(made, officer)
        desk = self.seat(member(role))
        told = {"token": given.token, "format": "json", "reason": "package_agreement"}
        assert desk.get(reverse("admin:transfers_send")).status_code == 403
        assert desk.post(reverse("admin:transfers_package", args=[given.transfer.pk]), told).status_code == 403
        assert not Release.objects.exists()
        other = member(role, username="another")
        with acting_as(f"officer:{other.pk}"), pytest.raises(NotAllowed):
            packages.prepare(
                transfer=given.transfer, token=given.token, format="json", reason="package_claim", by=other
            )

    def test_another_persons_page_is_not_asked_for(self, made, officer):
        stranger = DataSubjectFactory()
        taken(made, officer)
        shown = inside(stranger, "en").get(reverse("transfers:received")).content.decode()
        assert str(made.recipient) not in shown
