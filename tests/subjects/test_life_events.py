"""A person known twice, an IIN that was wrong, a death and heirs, coming of age: rules, two people, letters, undoing."""

from datetime import date, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone, translation
from simple_history.utils import get_history_manager_for_model

from consent import ledger
from consent.enums import EventKind, State
from consent.models import ConsentState
from notifications.models import Letter
from notifications.ports import KINDS
from staff.rules import NotAllowed
from subjects import (
    audience,
    deaths,
    duplicates,
    iin_corrections,
    life_letters,
    majority,
    relations,
    search,
    services,
    sign_in,
    vault,
)
from subjects.enums import IndexKind, Standing
from subjects.identifiers import check_digit
from subjects.models import (
    DataSubject,
    Death,
    DocumentSeen,
    IinCorrection,
    PersonLink,
    Representative,
    SearchKey,
    SubjectRequest,
)
from tests.consent.factories import form, version
from tests.consent.factories import given as consent_of
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
OLD, NEW, OTHERS = "850314390019", "921130490023", "010203550014"


def iin_of(born: date, *, male: bool = True, serial: int = 1) -> str:
    """A valid IIN of somebody born that day."""
    while True:
        century = {18: 1, 19: 3, 20: 5}[born.year // 100] + (not male)
        eleven = f"{born:%y%m%d}{century}{serial:04d}"
        digit = check_digit(eleven)
        if digit is not None:
            return f"{eleven}{digit}"
        serial += 1


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def author():
    return permit(
        StaffUserFactory(),
        "subjects.add_iincorrection", "subjects.add_death", "subjects.change_death", "subjects.note_majority",
        "subjects.add_representative", "subjects.add_personlink", "subjects.change_personlink",
    )  # fmt: skip


@pytest.fixture
def second():
    return permit(StaffUserFactory(), "subjects.approve_iincorrection", "subjects.undo_death")


def letters(person: DataSubject) -> list[str]:
    return list(Letter.objects.filter(subject=person).order_by("pk").values_list("kind", flat=True))


def reasons(person: DataSubject) -> list[tuple[str, str]]:
    rows = get_history_manager_for_model(DataSubject).filter(id=person.pk).order_by("history_id")
    return list(rows.values_list("standing", "history_change_reason"))


# the same person, known twice


def test_two_files_are_linked_and_nothing_of_either_moves():
    leading = DataSubjectFactory(iin=OLD, phone="+77011112233")
    following = DataSubjectFactory(phone="+77019998877", client_number="K-2")
    before = {model: model.objects.order_by("pk").values_list("pk", "subject") for model in (SearchKey,)}
    before = {model: list(rows) for model, rows in before.items()}
    link = relations.link(subject=leading, other=following, kind="same_person")
    assert {model: list(model.objects.order_by("pk").values_list("pk", "subject")) for model in before} == before
    assert letters(leading) == ["files_linked"] and letters(following) == []
    for term in (OLD, "+77019998877", "K-2", str(following)):
        assert search.people(term, most=10) == sorted([leading.pk, following.pk], reverse=True), term
    # the cabinet opens by the file that leads and shows the data of both
    digest = search.digest(IndexKind.PHONE, "+77019998877")
    assert duplicates.whose(IndexKind.PHONE, digest) == leading
    shown = {value.parts["value"] for value in vault.own_values(subject=leading, page="x")}
    assert {OLD, "+77011112233", "+77019998877"} <= shown
    # and apart again
    relations.unlink(row=link, by=permit(StaffUserFactory(), "subjects.change_personlink"))
    assert search.people("K-2", most=10) == [following.pk]
    assert duplicates.whose(IndexKind.PHONE, digest) == following


def test_a_phone_of_two_linked_files_still_opens_the_cabinet_and_of_two_people_never():
    first, second = DataSubjectFactory(phone="+77011112233"), DataSubjectFactory(phone="+77011112233")
    digest = search.digest(IndexKind.PHONE, "+77011112233")
    assert duplicates.whose(IndexKind.PHONE, digest) is None
    duplicates.unite(leading=second, following=first)
    assert duplicates.whose(IndexKind.PHONE, digest) == second


def test_one_file_leads_and_there_are_no_chains():
    first, second, third = (DataSubjectFactory() for _ in range(3))
    duplicates.unite(leading=first, following=second)
    for leading, following, words in (
        (third, second, "already"),
        (second, third, "follows another"),
        (third, first, "leads another"),
        (third, third, "not linked with themself"),
    ):
        with pytest.raises(ValidationError, match=words):
            duplicates.unite(leading=leading, following=following)
    with pytest.raises(IntegrityError), transaction.atomic():  # the database says so too
        PersonLink.objects.create(kind="same_person", subject=third, other=second)


def test_a_letter_to_many_goes_once_to_a_person_known_twice():
    leading, following = DataSubjectFactory(), DataSubjectFactory()
    alone = DataSubjectFactory()
    duplicates.unite(leading=leading, following=following)
    campaign = audience.write(kind="policy_changed", cause="x:1#y")
    told = set(Letter.objects.filter(campaign=campaign).values_list("subject", flat=True))
    assert told == {leading.pk, alone.pk}
    # where only the file that follows is meant, or only it has an address, it is told
    campaign = audience.write(kind="policy_changed", cause="x:2#y", only=DataSubject.objects.filter(pk=following.pk))
    assert list(Letter.objects.filter(campaign=campaign).values_list("subject", flat=True)) == [following.pk]
    SearchKey.objects.filter(subject=leading, kind="email").delete()
    campaign = audience.write(kind="policy_changed", cause="x:3#y")
    queued = Letter.objects.filter(campaign=campaign, state="queued")
    assert set(queued.values_list("subject", flat=True)) == {following.pk, alone.pk}


# another IIN


def propose(person, by, **changed):
    given = {
        "iin": NEW,
        "birth_date": date(1992, 11, 30),
        "sex": "female",
        "document_kind": "id_card",
        "last_four": "1234",
    } | changed
    return iin_corrections.propose(subject=person, **given, by=by)


def test_an_iin_is_corrected_by_two_and_the_old_one_still_finds_the_person(author, second):
    person = DataSubjectFactory(iin=OLD, email="before@example.kz")
    with as_officer(author):
        row = propose(person, author)
    assert search.find(IndexKind.IIN, OLD).get() == person, "nothing changes until a second one approves"
    assert NEW.encode() not in bytes(row.sealed_iin)
    with pytest.raises(NotAllowed, match="somebody else"), as_officer(author):
        iin_corrections.approve(row=row, by=permit(author, "subjects.approve_iincorrection"))
    # whoever changes the address meanwhile is not who is told
    clerk = permit(StaffUserFactory(), "subjects.correct_email")
    email = person.values.get(category__code="email")
    services.correct_email(value=email, email="after@example.kz", reason="told_by_person", by=clerk)
    with as_officer(second):
        row = iin_corrections.approve(row=row, by=second)
    assert vault.open_for("record", subject_ids=[person.pk], category="iin") == {person.pk: [{"value": NEW}]}
    assert search.find(IndexKind.IIN, NEW).get() == person and not search.find(IndexKind.IIN, OLD).exists()
    assert search.people(OLD, most=5) == search.people(NEW, most=5) == [person.pk]
    assert SearchKey.objects.get(subject=person, kind="evidence_iin").hint.endswith(OLD[-4:])
    assert row.sealed_iin is None and row.approved_by == second and row.document.last_four == "1234"
    history = person.values.get(category__code="iin").history.order_by("-history_id").first()
    assert history.history_change_reason == iin_corrections.CORRECTED and history.actor == f"officer:{second.pk}"
    letter = Letter.objects.get(subject=person, kind="iin_corrected")
    assert KINDS["iin_corrected"].addresses([letter]) == {letter.pk: "before@example.kz"}
    with pytest.raises(NotAllowed, match="decided already"), as_officer(second):
        iin_corrections.approve(row=row, by=second)


def test_what_cannot_be_the_iin_is_refused_by_field_and_leaves_nothing(author):
    person, other = DataSubjectFactory(iin=OLD), DataSubjectFactory(iin=OTHERS)
    documents = DocumentSeen.objects.count()
    for changed, field in (
        ({"iin": NEW[:-1] + "9"}, "iin"),
        ({"iin": "12"}, "iin"),
        ({"iin": OTHERS, "birth_date": date(2001, 2, 3), "sex": "male"}, "iin"),
        ({"iin": OLD, "birth_date": date(1985, 3, 14), "sex": "male"}, "iin"),
        ({"birth_date": date(1992, 11, 29)}, "birth_date"),
        ({"sex": "male"}, "sex"),
        ({"document_kind": "power_of_attorney"}, "document_kind"),
        ({"last_four": "12"}, "last_four"),
    ):
        with pytest.raises(ValidationError) as caught, as_officer(author), transaction.atomic():
            propose(person, author, **changed)
        assert list(caught.value.message_dict) == [field], changed
    assert (IinCorrection.objects.count(), DocumentSeen.objects.count()) == (0, documents)
    with pytest.raises(NotAllowed):
        propose(person, StaffUserFactory())
    with as_officer(author):
        propose(person, author)
        with pytest.raises(ValidationError, match="waits for a second"), transaction.atomic():
            propose(person, author)
    assert other.pk


def test_a_declined_iin_leaves_the_old_one_and_the_database_wants_two(author, second):
    person = DataSubjectFactory(iin=OLD)
    with as_officer(author):
        row = propose(person, author)
    with pytest.raises(IntegrityError), transaction.atomic():
        IinCorrection.objects.filter(pk=row.pk).update(approved_by=author, approved_at=timezone.now(), sealed_iin=None)
    with as_officer(second):
        row = iin_corrections.decline(row=row, by=second)
    assert search.find(IndexKind.IIN, OLD).get() == person and row.sealed_iin is None
    assert letters(person) == []


def test_the_standing_follows_the_birth_date_of_the_new_iin(author, second):
    person = DataSubjectFactory(iin=OLD)
    born = timezone.localdate() - timedelta(days=365 * 10)
    child = iin_of(born)
    with as_officer(author):
        row = propose(person, author, iin=child, birth_date=born, sex="male")
    with as_officer(second):
        iin_corrections.approve(row=row, by=second)
    person.refresh_from_db()
    assert person.standing == Standing.MINOR and reasons(person)[-1] == ("minor", iin_corrections.CORRECTED)


# death and heirs


def die(person, by, **changed):
    given = {"died_on": timezone.localdate(), "document_kind": "death_certificate", "last_four": "0007"} | changed
    with as_officer(by):
        return deaths.record(subject=person, **given, by=by)


def test_a_death_stops_letters_codes_and_whoever_acts_for_the_person(author):
    person, friend = DataSubjectFactory(iin=OLD), DataSubjectFactory()
    with as_officer(author):
        relations.authorise(
            subject=person, representative=friend, basis="power_of_attorney", acts=["ask"],
            document_kind="power_of_attorney", last_four="1234", by=author,
            valid_until=timezone.localdate() + timedelta(days=30),
        )  # fmt: skip
    asked = sign_in.ask(identifier=OLD, address="203.0.113.7")
    row = die(person, author)
    person.refresh_from_db()
    assert (person.standing, row.stood) == (Standing.DECEASED, Standing.ORDINARY)
    assert reasons(person)[-1] == ("deceased", deaths.DIED)
    assert DataSubject.addresses([person.pk]) == {} == DataSubject.addresses([person.pk], notices=False)
    assert not relations.may_act_for(representative=friend, subject=person, act="ask")
    assert sign_in.verify(handle=asked.handle, code="000000") is None
    assert letters(person) == []
    with pytest.raises(ValidationError, match="recorded already"):
        die(person, author)


def test_what_is_no_death_is_refused_by_field(author):
    person = DataSubjectFactory()
    for changed, field in (
        ({"died_on": timezone.localdate() + timedelta(days=1)}, "died_on"),
        ({"document_kind": "id_card"}, "document_kind"),
        ({"last_four": "!"}, "last_four"),
    ):
        with pytest.raises(ValidationError) as caught, transaction.atomic():
            die(person, author, **changed)
        assert list(caught.value.message_dict) == [field]
    with pytest.raises(NotAllowed):
        deaths.record(
            subject=person, died_on=timezone.localdate(), document_kind="death_certificate", last_four="0007",
            by=StaffUserFactory(),
        )  # fmt: skip
    person.refresh_from_db()
    assert person.standing == Standing.ORDINARY and not Death.objects.exists()


def test_an_heir_may_ask_what_the_document_gives_and_is_told(author):
    person, heir = DataSubjectFactory(), DataSubjectFactory(kind="heir")
    row = die(person, author)
    with as_officer(author):
        deaths.admit_heir(
            death=row, heir=heir, acts=["know", "ask"], document_kind="inheritance", last_four="4455", by=author
        )
        for changed, field in (
            ({"document_kind": "id_card"}, "document_kind"),
            ({"acts": []}, "acts"),
            ({}, "heir"),
        ):
            given = {"acts": ["know"], "document_kind": "inheritance", "last_four": "4455"} | changed
            with pytest.raises(ValidationError) as caught, transaction.atomic():
                deaths.admit_heir(death=row, heir=heir, **given, by=author)
            assert list(caught.value.message_dict) == [field]
    assert relations.may_act_for(representative=heir, subject=person, act="know")
    assert not relations.may_act_for(representative=heir, subject=person, act="consent")
    assert PersonLink.objects.get(subject=person, other=heir).kind == "heir"
    assert letters(heir) == ["heir_admitted"] and letters(person) == []
    assert DocumentSeen.objects.get(subject=heir).kind == "inheritance"


def test_a_death_by_mistake_is_undone_by_two_and_what_stood_stands_again(author, second):
    person, heir = DataSubjectFactory(standing=Standing.RESTRICTED), DataSubjectFactory()
    row = die(person, author)
    with as_officer(author):
        deaths.admit_heir(death=row, heir=heir, acts=["know"], document_kind="court_act", last_four="4455", by=author)
    with pytest.raises(NotAllowed, match="Nobody has proposed"), as_officer(second):
        deaths.undo(row=row, by=second)
    with as_officer(author):
        row = deaths.propose_undo(row=row, by=author)
        with pytest.raises(NotAllowed, match="somebody else"):
            deaths.undo(row=row, by=permit(author, "subjects.undo_death"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Death.objects.filter(pk=row.pk).update(undone_by=author, undone_at=timezone.now())
    with as_officer(second):
        row = deaths.keep(row=row, by=second)
    with as_officer(author):
        row = deaths.propose_undo(row=row, by=author)
    with as_officer(second):
        deaths.undo(row=row, by=second)
    person.refresh_from_db()
    assert person.standing == Standing.RESTRICTED and reasons(person)[-1] == ("restricted", deaths.UNDONE)
    assert not relations.may_act_for(representative=heir, subject=person, act="know")
    assert letters(person) == ["death_undone"]
    assert DataSubject.addresses([person.pk])
    die(person, author)  # and a true one can be recorded after it


# coming of age


def minor(**changed) -> DataSubject:
    today = timezone.localdate()
    born = changed.pop("born", today.replace(year=today.year - 18))
    return DataSubjectFactory(iin=iin_of(born, serial=changed.pop("serial", 1)), standing=Standing.MINOR, **changed)


def test_on_the_eighteenth_birthday_a_minor_acts_themself(author):
    today = timezone.localdate()
    person, younger = minor(), minor(born=today.replace(year=today.year - 18) + timedelta(days=1))
    unknown = DataSubjectFactory(standing=Standing.MINOR)
    parent = DataSubjectFactory()
    with as_officer(author):
        relations.authorise(
            subject=person, representative=parent, basis="parent", acts=["consent"],
            document_kind="birth_certificate", last_four="1234", by=author, valid_from=today - timedelta(days=400),
        )  # fmt: skip
    assert majority.come_of_age() == 1
    assert majority.come_of_age() == 0
    standings = dict(DataSubject.objects.values_list("pk", "standing"))
    assert standings[person.pk] == Standing.ORDINARY
    assert standings[younger.pk] == standings[unknown.pk] == Standing.MINOR
    assert reasons(person)[-1] == ("ordinary", majority.CAME_OF_AGE)
    assert not relations.may_act_for(representative=parent, subject=person, act="consent")
    assert Representative.objects.get(subject=person).ended_at is None, "the law ended it, nobody of ours"
    assert letters(person) == ["came_of_age"] and letters(younger) == []


def test_who_acted_for_the_child_acted_as_long_as_they_did_and_not_a_day_more(author):
    person, today = minor(), timezone.localdate()
    days = {
        "over": (today - timedelta(days=900), today - timedelta(days=600)),
        "acts": (today - timedelta(days=400), today + timedelta(days=400)),
        "from today": (today, None),
        "later": (today + timedelta(days=3), today + timedelta(days=9)),
    }
    with as_officer(author):
        rows = {
            name: relations.authorise(
                subject=person, representative=DataSubjectFactory(), basis="guardian", acts=["ask"],
                document_kind="court_act", last_four="1234", by=author, valid_from=since, valid_until=until,
            )
            for name, (since, until) in days.items()
        }  # fmt: skip
    assert majority.come_of_age() == 1

    def acting(day: date) -> set[int]:
        at = timezone.make_aware(datetime.combine(day, time(12)))
        return set(Representative.objects.in_force(at).filter(subject=person).values_list("pk", flat=True))

    assert acting(today - timedelta(days=700)) == {rows["over"].pk}
    assert acting(today - timedelta(days=500)) == set(), "nobody acted then, and nobody has since"
    assert acting(today - timedelta(days=1)) == {rows["acts"].pk}
    assert [acting(today + timedelta(days=ahead)) for ahead in (0, 3, 5)] == [set()] * 3
    kept = {row.pk: (row.valid_from, row.valid_until) for row in Representative.objects.filter(subject=person)}
    assert kept == {
        rows["over"].pk: days["over"],
        rows["acts"].pk: (days["acts"][0], today - timedelta(days=1)),
    }


def test_what_was_asked_on_the_day_itself_keeps_who_asked_it(author):
    person, parent = minor(), DataSubjectFactory()
    with as_officer(author):
        row = relations.authorise(
            subject=person, representative=parent, basis="parent", acts=["ask"],
            document_kind="birth_certificate", last_four="1234", by=author,
        )  # fmt: skip
    request = SubjectRequest.objects.create(
        subject=person, representative=row, kinds=["access"], channel="office", language="kk",
        received_at=timezone.now(),
    )  # fmt: skip
    assert majority.come_of_age() == 1
    request.refresh_from_db()
    assert request.representative.valid_until == timezone.localdate()


def test_the_day_is_almatys(author):
    born = date(2008, 12, 1)
    person = minor(born=born)
    almaty = timezone.get_default_timezone()
    assert str(almaty) == "Asia/Almaty"
    eve = timezone.datetime(2026, 11, 30, 23, 59, tzinfo=almaty)
    assert majority.come_of_age(at=eve) == 0
    assert majority.come_of_age(at=eve + timedelta(minutes=1)) == 1
    person.refresh_from_db()
    assert person.standing == Standing.ORDINARY


def test_what_others_agreed_to_is_asked_anew(author):
    person = minor()
    event = consent_of(person, version(form("C10")))
    assert event.kind == EventKind.GIVEN
    majority.come_of_age()
    state = ConsentState.objects.get(subject=person, form=event.form)
    assert state.state == State.REQUESTED and not ledger.standing_of(state).is_ground
    kinds = list(person.consent_events.order_by("pk").values_list("kind", "reason"))
    assert kinds == [("given", ""), ("expired", "came_of_age"), ("requested", "")]
    assert set(letters(person)) == {"consent_asked", "came_of_age"}


def test_an_officer_notes_it_by_a_document_where_no_iin_says_the_day(author):
    person = DataSubjectFactory(standing=Standing.MINOR)
    today = timezone.localdate()
    given = {"document_kind": "passport", "last_four": "1234", "by": author}
    with as_officer(author):
        for changed, field in (
            ({"born": today - timedelta(days=17 * 365)}, "born"),
            ({"born": date(2000, 1, 1), "document_kind": "court_act"}, "document_kind"),
        ):
            with pytest.raises(ValidationError) as caught, transaction.atomic():
                majority.note(subject=person, **given | changed)
            assert list(caught.value.message_dict) == [field]
        majority.note(subject=person, born=date(2000, 1, 1), **given)
        with pytest.raises(NotAllowed, match="not a minor"):
            majority.note(subject=person, born=date(2000, 1, 1), **given)
    assert person.standing == Standing.ORDINARY and letters(person) == ["came_of_age"]


# the pages


def at_desk(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


DESK = ("subjects.view_datasubject", "subjects.view_iincorrection", "subjects.view_death", "subjects.view_personlink",
        "subjects.view_representative")  # fmt: skip


def test_two_officers_correct_an_iin_on_pages_and_no_page_shows_it(author, second):
    person = DataSubjectFactory(iin=OLD)
    first, then = at_desk(permit(author, *DESK)), at_desk(permit(second, *DESK))
    page = first.get(f"/admin/subjects/datasubject/{person.pk}/change/").content.decode()
    assert f"/admin/subjects/iincorrection/add/?subject={person}" in page
    form = {"subject": str(person), "iin": NEW, "birth_date": "1992-11-29", "sex": "female", "document_kind": "id_card",
            "last_four": "1234"}  # fmt: skip
    refused = first.post("/admin/subjects/iincorrection/add/", form)
    assert refused.status_code == 422 and not IinCorrection.objects.exists()
    assert first.post("/admin/subjects/iincorrection/add/", form | {"birth_date": "1992-11-30"}).status_code == 302
    row = IinCorrection.objects.get()
    place = f"/admin/subjects/iincorrection/{row.pk}"
    shown = first.get(f"{place}/change/").content.decode()
    assert "/step/approve/" not in shown and "/step/decline/" in shown and NEW not in shown and OLD not in shown
    assert "/step/approve/" in then.get(f"{place}/change/").content.decode()
    assert then.post(f"{place}/step/approve/").status_code == 302
    assert search.find(IndexKind.IIN, NEW).get() == person
    assert first.get(f"/admin/subjects/iincorrection/{row.pk}/history/").status_code == 200


def test_a_death_an_heir_and_its_undoing_on_pages(author, second):
    person, heir = DataSubjectFactory(), DataSubjectFactory()
    first, then = at_desk(permit(author, *DESK)), at_desk(permit(second, *DESK))
    form = {"subject": str(person), "died_on": str(timezone.localdate()), "document_kind": "death_certificate",
            "last_four": "0007"}  # fmt: skip
    assert first.post("/admin/subjects/death/add/", form).status_code == 302
    row = Death.objects.get()
    place = f"/admin/subjects/death/{row.pk}"
    given = {"heir": "S-999999", "acts": ["know"], "document_kind": "inheritance", "last_four": "4455"}
    assert first.post(f"{place}/heir/", given).status_code == 422
    assert first.post(f"{place}/heir/", given | {"heir": str(heir)}).status_code == 302
    assert str(heir) in first.get(f"{place}/change/").content.decode()
    assert then.post(f"{place}/heir/", given).status_code == 403
    assert first.post(f"{place}/step/propose-undo/").status_code == 302
    home = then.get("/admin/").content.decode()
    assert "/admin/subjects/death/?undone_at__isnull=True" in home
    assert then.post(f"{place}/step/undo/").status_code == 302
    person.refresh_from_db()
    assert person.standing == Standing.ORDINARY
    assert first.post("/admin/subjects/death/add/", form | {"died_on": "2999-01-01"}).status_code == 422


def test_the_page_of_a_person_says_which_file_leads_and_who_came_of_age(author):
    officer = at_desk(permit(author, *DESK))
    leading, following = DataSubjectFactory(), DataSubjectFactory(standing=Standing.MINOR)
    form = {"subject": str(leading), "kind": "same_person", "other": str(following)}
    assert officer.post("/admin/subjects/personlink/add/", form).status_code == 302
    page = officer.get(f"/admin/subjects/datasubject/{following.pk}/change/").content.decode()
    assert f"/admin/subjects/datasubject/{leading.pk}/change/" in page
    assert f"/admin/subjects/datasubject/{following.pk}/of-age/" in page
    given = {"born": "2000-01-01", "document_kind": "passport", "last_four": "1234"}
    assert officer.post(f"/admin/subjects/datasubject/{following.pk}/of-age/", given | {"born": "x"}).status_code == 422
    assert officer.post(f"/admin/subjects/datasubject/{following.pk}/of-age/", given).status_code == 302
    following.refresh_from_db()
    assert following.standing == Standing.ORDINARY


def test_the_letters_are_there_in_three_languages_and_name_nobody(author):
    person, heir = DataSubjectFactory(iin=OLD), DataSubjectFactory()
    row = die(person, author)
    with as_officer(author):
        given = deaths.admit_heir(
            death=row, heir=heir, acts=["know"], document_kind="court_act", last_four="4455", by=author
        )
    for kind in life_letters.KINDS:
        cause = f"subjects.Representative:{given.pk}#{kind.kind}"
        for language in ("kk", "ru", "en"):
            context = kind.context(cause, language)
            for part in ("subject.txt", "txt", "html"):
                text = render_to_string(f"letters/{kind.kind}/{language}.{part}", context)
                assert text.strip() and OLD not in text and str(person) not in text, (kind.kind, language, part)
