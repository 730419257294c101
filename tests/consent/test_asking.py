"""Nobody's consent is widened by a new text: they are asked, once, in their language (law.md 5.3; issue 3)."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone, translation

from audit.actor import acting_as
from consent import asking, coverage, importing, ledger, rebuilding, reminding
from consent.enums import LADDER
from consent.models import ConsentEvent, PurposeCategory
from notifications import services
from notifications.models import Campaign, Letter
from subjects import search
from subjects.models import DataCategory, SearchKey
from tests.consent.factories import BY_CODE, form, given, purpose, refused, version
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def officer():
    return permit(StaffUserFactory(), "notifications.run_campaign")


def asked() -> set:
    return set(Letter.objects.filter(kind="consent_asked").values_list("subject", flat=True))


def test_whoever_consented_to_less_than_the_form_names_now_gets_one_letter_and_nobody_else(officer):
    of = form("C8")
    old = version(of, purposes={"marketing": "kk ru"})
    outgrown, unreachable, withdrawn = DataSubjectFactory(), DataSubjectFactory(email=None), DataSubjectFactory()
    for person in (outgrown, unreachable, withdrawn):
        given(person, old)
    ledger.withdraw(subject=withdrawn, form=of, proof=BY_CODE)
    new = version(of, purposes={"marketing": "kk ru", "statistics": "kk ru"})
    covered, stranger = DataSubjectFactory(), DataSubjectFactory()
    given(covered, new)
    assert asking.count(of) == (2, 0)
    with as_officer(officer):
        campaign = asking.ask(form=of, by=officer)
    assert campaign.audience["queued"] == 1
    assert campaign.audience["no_address"] == 1
    assert asked() == {outgrown.pk, unreachable.pk}
    assert stranger.pk not in asked()
    assert ledger.standings(outgrown)["C8", ""].is_ground, "what they gave stands until they say otherwise"


def test_nobody_is_asked_twice_about_one_version(officer):
    of = form("C8")
    given(DataSubjectFactory(), version(of, purposes={"marketing": "kk ru"}))
    version(of, purposes={"marketing": "kk ru", "statistics": "kk ru"})
    with as_officer(officer):
        asking.ask(form=of, by=officer)
        with pytest.raises(ValidationError, match="already"):
            asking.ask(form=of, by=officer)


def test_who_saw_a_text_that_names_less_in_their_language_is_asked(officer):
    of = version(purposes={"contract": "kk ru", "identification": "ru"})
    kazakh, russian = DataSubjectFactory(), DataSubjectFactory()
    given(kazakh, of, language="kk")
    given(russian, of, language="ru")
    with as_officer(officer):
        asking.ask(form=of.form, by=officer)
    assert asked() == {kazakh.pk}


def test_with_nothing_to_ask_or_nobody_to_ask_or_without_the_right_it_is_refused(officer):
    of = form("C8")
    with as_officer(officer):
        with pytest.raises(ValidationError, match="nothing to ask"):
            asking.ask(form=of, by=officer)
        given(DataSubjectFactory(), version(of))
        with pytest.raises(ValidationError, match="Everybody's consent"):
            asking.ask(form=of, by=officer)
    other = StaffUserFactory()
    with as_officer(other), pytest.raises(PermissionDenied):
        asking.ask(form=of, by=other)
    assert not asked()


def grown() -> tuple:
    """(an older version, the one in force that names more)."""
    of = form("C8")
    old = version(of, purposes={"marketing": "kk ru"})
    return old, lambda: version(of, purposes={"marketing": "kk ru", "statistics": "kk ru"})


def one_asked(officer, *people) -> tuple:
    """(the campaign that asked `people`, the version it asks about), written down for each."""
    old, newer = grown()
    for person in people:
        given(person, old)
    new = newer()
    with as_officer(officer):
        campaign = asking.ask(form=old.form, by=officer)
    with acting_as("job:consents"):
        assert asking.note(campaign, new) == len(people)
    return campaign, new


def later(person, of) -> None:
    shown = ledger.serve(subject=person, version=of, language="ru")
    ledger.postpone(served=shown.served, expected_version=of.number, proof=BY_CODE)


def on(campaign, days: int) -> list:
    """Reminders made that many days after the asking, at noon of the first working day from then on."""
    moment = campaign.created_at + timedelta(days=days)
    while reminding.is_day_off(timezone.localdate(moment)):
        moment += timedelta(days=1)
    return reminding.remind(at=moment)


def reminded(campaign) -> set:
    return set(Letter.objects.filter(campaign=campaign).values_list("subject", flat=True))


def test_a_yes_where_the_text_before_said_no_widens_and_is_asked_about(officer):
    person, of = DataSubjectFactory(), form("C8")
    given(person, version(of))
    version(of)
    assert asking.count(of) == (0, 0)
    widened = version(of, cross_border=True)
    (gap,) = coverage.gaps(of)
    assert gap.lacks == [coverage.Words("answer", "cross_border")]
    with as_officer(officer):
        asking.ask(form=of, by=officer)
    assert asked() == {person.pk}
    assert given(person, widened).kind == "renewed"
    assert asking.count(of) == (0, 0)


def test_that_they_were_asked_stands_in_their_history_once_and_takes_nothing(officer):
    person = DataSubjectFactory()
    campaign, new = one_asked(officer, person)
    with acting_as("job:consents"):
        assert asking.note(campaign, new) == 0
    event = ConsentEvent.objects.get(kind="requested")
    assert (event.version, event.subject, event.actor) == (new, person, "job:consents")
    assert ledger.standings(person)["C8", ""].is_ground
    assert rebuilding.rebuild(dry_run=True) == 0
    assert [letter.kind for letter in Letter.objects.filter(subject=person)] == ["consent_asked"], "one letter, not two"


def test_who_comes_later_is_asked_by_a_campaign_of_their_own_and_nobody_twice(officer):
    first, late, refuses = DataSubjectFactory(), DataSubjectFactory(), DataSubjectFactory()
    _campaign, new = one_asked(officer, first, refuses)
    refused(refuses, new)
    # a file of older consents comes after the asking: nobody knows their text
    row = importing.ConsentRow(2, "late", new.form, "", "given", new.in_force_during.lower, None, "", "")
    SearchKey.objects.create(subject=late, kind="client_number", digest=search.digest("client_number", "late"))
    with acting_as("command:import_consents@test"):
        importing.load([row])
    with as_officer(officer):
        second = asking.ask(form=new.form, by=officer)
        assert reminded(second) == {late.pk}
        with pytest.raises(ValidationError, match="already"):
            asking.ask(form=new.form, by=officer)
    assert asking.progress(new) == (3, 0, 1)
    assert asking.progress(new).waiting == 2


def test_whom_no_letter_reaches_is_asked_in_the_cabinet_alone_until_one_does(officer):
    mute = DataSubjectFactory(email=None)
    campaign, new = one_asked(officer, mute, DataSubjectFactory())
    assert campaign.audience["no_address"] == 1
    with as_officer(officer):
        with pytest.raises(ValidationError, match="already"):
            asking.ask(form=new.form, by=officer)
        SearchKey.objects.create(subject=mute, kind="email", digest=search.digest("email", "mute@example.kz"))
        again = asking.ask(form=new.form, by=officer)
    assert reminded(again) == {mute.pk}


def test_the_ladder_has_three_steps_then_silence_and_leaves_out_whoever_answered(officer):
    silent, consents, refuses = DataSubjectFactory(), DataSubjectFactory(), DataSubjectFactory()
    campaign, new = one_asked(officer, silent, consents, refuses)
    assert on(campaign, LADDER[0] - 6) == []
    (first,) = on(campaign, LADDER[0] + 1)
    assert reminded(first) == {silent.pk, consents.pk, refuses.pk}
    assert on(campaign, LADDER[0] + 1) == [], "once"
    given(consents, new)
    refused(refuses, new)
    Campaign.objects.filter(pk=first.pk).update(created_at=campaign.created_at + timedelta(days=LADDER[0]))
    (second,) = on(campaign, LADDER[1])
    assert reminded(second) == {silent.pk}
    Campaign.objects.filter(pk=second.pk).update(created_at=campaign.created_at + timedelta(days=LADDER[1]))
    (third,) = on(campaign, LADDER[2])
    assert reminded(third) == {silent.pk}
    Campaign.objects.filter(pk=third.pk).update(created_at=campaign.created_at + timedelta(days=LADDER[2]))
    assert on(campaign, 400) == []
    assert ledger.standings(silent)["C8", ""].is_ground, "silence takes nothing"


def test_who_said_later_is_left_alone_for_a_while_and_after_three_times_for_good(officer):
    person = DataSubjectFactory()
    campaign, new = one_asked(officer, person)
    later(person, new)
    assert on(campaign, 0) == []
    (first,) = on(campaign, LADDER[0] + 1)
    assert reminded(first) == {person.pk}
    for _time in range(2):
        later(person, new)
    assert ledger.standings(person)["C8", ""].postponed == 3
    Campaign.objects.filter(pk=first.pk).update(created_at=campaign.created_at + timedelta(days=LADDER[0]))
    assert on(campaign, LADDER[1]) == []
    assert ledger.standings(person)["C8", ""].is_ground
    assert rebuilding.rebuild(dry_run=True) == 0


def test_nobody_is_reminded_on_a_day_off_or_of_a_text_that_is_offered_no_more_or_by_a_stopped_campaign(officer):
    campaign, new = one_asked(officer, DataSubjectFactory())
    moment = campaign.created_at + timedelta(days=LADDER[0] + 1)
    sunday = moment + timedelta(days=6 - timezone.localdate(moment).weekday())
    assert reminding.remind(at=sunday) == []
    with as_officer(officer):
        stopped = services.cancel(campaign=campaign, by=officer)
    assert on(stopped, LADDER[0] + 1) == []
    Campaign.objects.filter(pk=campaign.pk).update(state="running", cancelled_at=None, cancelled_by=None)
    version(new.form)
    assert on(campaign, LADDER[0] + 1) == []


def test_the_register_tells_what_no_form_in_force_asks_for():
    asked, needs = purpose("contract"), purpose("settlements")
    purpose("statistics", ground="law")
    version(form("C1"), purposes={"contract": "kk ru"}, categories=("iin",))
    with acting_as("command:load_registers@tests"):
        for code in ("iin", "email"):
            PurposeCategory.objects.create(
                purpose=asked,
                category=DataCategory.objects.get(code=code),
                necessity="required",
                loaded=True,
                in_force_during=(timezone.now(), None),
            )
    found = {row.purpose: (row.form, [c.code for c in row.data]) for row in coverage.unasked()}
    assert found == {asked: (True, ["email"]), needs: (False, [])}
