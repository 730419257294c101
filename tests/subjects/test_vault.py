"""Three doors and no fourth; what a stolen dump holds; what destroying a key destroys."""

import base64

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from audit.models import AccessRecord
from staff.models import Undertaking
from subjects import addresses, search, vault
from subjects.cipher import CannotOpen
from subjects.enums import Disclosure, IndexKind, RetentionClass, Standing
from subjects.models import PersonalData, SearchKey, SubjectKey
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return DataSubjectFactory(email="canary@example.kz", iin="850314390019", phone="+77012345678")


@pytest.fixture
def officer():
    return permit(StaffUserFactory(), "subjects.reveal_value")


def value_of(person, code: str) -> PersonalData:
    return PersonalData.objects.select_related("subject", "category").get(subject=person, category__code=code)


def test_a_dump_of_the_database_does_not_hold_the_values(person):
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            for canary in ("canary@example", "850314390019", "7012345678"):
                cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{canary}%"])
                assert cursor.fetchone() == (0,), (table, canary)


class TestReveal:
    def test_the_record_names_officer_reason_category_and_person(self, person, officer):
        with as_officer(officer):
            opened = vault.reveal(value=value_of(person, "iin"), by=officer, reason="correction")
        assert opened.parts == {"value": "850314390019"}
        record = AccessRecord.objects.get()
        assert (record.user, record.door, record.reference) == (officer, "reveal", str(person))
        assert (record.category, record.reason, record.count) == ("iin", "correction", 1)

    def test_without_the_right_nothing_opens_and_nothing_is_recorded(self, person):
        with pytest.raises(PermissionDenied):
            vault.reveal(value=value_of(person, "iin"), by=StaffUserFactory(), reason="correction")
        assert AccessRecord.objects.count() == 0

    def test_without_the_undertaking_nothing_opens(self, person, officer):
        Undertaking.objects.create(version=1, text_kk="…", text_ru="…")
        with as_officer(officer), pytest.raises(PermissionDenied):
            vault.reveal(value=value_of(person, "iin"), by=officer, reason="correction")

    def test_a_reason_that_is_no_code_is_refused(self, person, officer):
        with as_officer(officer), pytest.raises(ValueError):
            vault.reveal(value=value_of(person, "iin"), by=officer, reason="because I want to")

    @pytest.mark.nobody
    @pytest.mark.django_db
    def test_when_the_record_cannot_be_written_no_value_leaves(self):
        from audit.actor import acting_as

        with acting_as("job:test"):
            person = DataSubjectFactory(email="canary@example.kz")
            officer = permit(StaffUserFactory(), "subjects.reveal_value")
        opened = None
        # nobody acts: the record is refused by the database
        with pytest.raises(DatabaseError), transaction.atomic():
            opened = vault.reveal(value=value_of(person, "email"), by=officer, reason="check")
        assert opened is None


class TestOwnValues:
    def test_one_record_a_page_and_all_that_is_the_persons(self, person):
        DataSubjectFactory(email="other@example.kz")
        values = vault.own_values(subject=person, page="my-data")
        assert {value.category: value.parts["value"] for value in values} == {
            "email": "canary@example.kz",
            "iin": "850314390019",
            "mobile_phone": "+77012345678",
        }
        assert AccessRecord.objects.get().count == 3

    def test_withheld_values_leave_no_trace_not_even_in_the_count(self, person):
        PersonalData.objects.filter(category__code="iin").update(disclosure=Disclosure.WITHHELD)
        values = vault.own_values(subject=person, page="my-data")
        assert "iin" not in {value.category for value in values}
        assert AccessRecord.objects.get().count == 2

    def test_a_closed_cabinet_opens_nothing(self, person):
        person.standing = Standing.DECEASED
        with pytest.raises(PermissionDenied):
            vault.own_values(subject=person, page="my-data")


class TestOpenFor:
    def test_a_job_opens_only_the_categories_it_is_named_for(self, person):
        with pytest.raises(PermissionDenied):
            vault.open_for("letters", subject_ids=[person.pk], category="iin")
        with pytest.raises(PermissionDenied):
            vault.open_for("curiosity", subject_ids=[person.pk], category="email")

    def test_in_bulk_with_one_record_and_constant_statements(self, django_assert_num_queries):
        few, many = ([DataSubjectFactory().pk for _ in range(n)] for n in (2, 20))
        with django_assert_num_queries(5):
            vault.open_for("letters", subject_ids=few, category="email")
        with django_assert_num_queries(5):
            assert len(vault.open_for("letters", subject_ids=many, category="email")) == 20
        assert [record.count for record in AccessRecord.objects.order_by("pk")] == [2, 20]


class TestKeys:
    def test_destroying_a_class_key_destroys_its_values_and_their_history_and_nothing_else(self, person):
        vault.store(subject=person, category="salary_amount", parts={"value": "250000"}, source="test")
        vault.replace(subject=person, category="email", parts={"value": "new@example.kz"}, source="test")
        SubjectKey.objects.filter(subject=person, retention_class=RetentionClass.IDENTITY).delete()
        assert [v.category for v in vault.own_values(subject=person, page="x")] == ["salary_amount"]
        assert addresses.email_addresses([person.pk]) == {}
        for row in PersonalData.history.filter(subject_id=person.pk, category__code="email"):
            assert b"example" not in bytes(row.sealed)

    def test_a_ciphertext_pasted_into_another_persons_record_does_not_open(self, person):
        thief = DataSubjectFactory(email="thief@example.kz")
        stolen = value_of(person, "email")
        PersonalData.objects.filter(subject=thief, category__code="email").update(sealed=stolen.sealed)
        with pytest.raises(CannotOpen):
            vault.own_values(subject=thief, page="x")

    def test_rotation_rewraps_every_key_and_touches_no_value(self, person, settings):
        sealed = bytes(value_of(person, "email").sealed)
        old = settings.KEY_ENCRYPTION_KEYS
        version = vault.ring().active_version + 1
        fresh = f"{version}:{base64.b64encode(b'n' * 32).decode()}"
        vault.ring.cache_clear()
        settings.KEY_ENCRYPTION_KEYS = f"{fresh},{old}"
        try:
            assert vault.rotate_keys(batch_size=1) == 1
            while vault.rotate_keys(batch_size=1):
                pass
            assert set(SubjectKey.objects.values_list("kek_version", flat=True)) == {version}
            # the old key-encryption key is not needed any more
            vault.ring.cache_clear()
            settings.KEY_ENCRYPTION_KEYS = fresh
            assert addresses.email_addresses([person.pk]) == {person.pk: ("canary@example.kz", "kk")}
            assert bytes(value_of(person, "email").sealed) == sealed
        finally:
            vault.ring.cache_clear()
            settings.KEY_ENCRYPTION_KEYS = old

    def test_the_command_counts_first_and_rotates_then(self, person, settings, capsys):
        DataSubjectFactory(email="second@example.kz")
        old, keys = settings.KEY_ENCRYPTION_KEYS, SubjectKey.objects.count()
        version = vault.ring().active_version + 1
        vault.ring.cache_clear()
        settings.KEY_ENCRYPTION_KEYS = f"{version}:{base64.b64encode(b'n' * 32).decode()},{old}"
        try:
            call_command("rotate_keys", dry_run=True)
            assert f"{keys} keys are not wrapped by version {version}" in capsys.readouterr().out
            assert not SubjectKey.objects.filter(kek_version=version).exists()
            with pytest.raises(CommandError, match="--batch-size"):
                call_command("rotate_keys", batch_size=0)
            call_command("rotate_keys", batch_size=1)
            assert f"{keys} keys re-wrapped by version {version}." in capsys.readouterr().out
            assert SubjectKey.objects.filter(kek_version=version).count() == keys
            call_command("rotate_keys")
            assert "0 keys re-wrapped" in capsys.readouterr().out, "it may be repeated"
        finally:
            vault.ring.cache_clear()
            settings.KEY_ENCRYPTION_KEYS = old

    def test_keys_have_no_history(self):
        assert not hasattr(SubjectKey, "history")
        assert not hasattr(SearchKey, "history")


class TestSearch:
    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            (IndexKind.IIN, "850314 390019"),
            (IndexKind.PHONE, "8 701 234 56 78"),
            (IndexKind.PHONE, "7012345678"),
            (IndexKind.EMAIL, "Canary@Example.KZ"),
        ],
    )
    def test_exactly_however_it_is_typed(self, person, kind, text):
        DataSubjectFactory(email="other@example.kz")
        assert list(search.find(kind, text)) == [person]

    def test_a_part_finds_nobody(self, person):
        assert not search.find(IndexKind.EMAIL, "canary@example.k").exists()
        assert not search.find(IndexKind.IIN, "8503143900").exists()

    def test_hints_are_masked(self, person):
        hints = dict(SearchKey.objects.filter(subject=person).values_list("kind", "hint"))
        assert hints["iin"].endswith("0019")
        assert "850314" not in hints["iin"]
        assert "canary" not in hints["email"]

    def test_the_same_text_of_two_kinds_has_two_digests(self):
        assert search.digest(IndexKind.CLIENT_NUMBER, "77012345678") != search.digest(IndexKind.CONTRACT, "77012345678")
