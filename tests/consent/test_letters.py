"""Letters about consents: each act is confirmed once, in the person's language, and says nothing to strangers."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation

from consent import ledger, letters, tasks, terms
from consent.enums import Channel, ScopeKind, State, Trust
from consent.ledger import Proof
from consent.models import ConsentEvent, ConsentState
from notifications.models import Letter
from notifications.ports import KINDS
from notifications.services import write
from subjects import loans, request_acts
from subjects.enums import Standing
from subjects.obligations import ContractState
from subjects.requests import SubjectRequest
from tests.consent.factories import BY_CODE, form, given, refused, version
from tests.staff.factories import StaffUserFactory, as_officer, permit

pytestmark = pytest.mark.django_db

LANGUAGES = ("kk", "ru", "en")


def told(person) -> list[tuple[str, str]]:
    return list(Letter.objects.filter(subject=person).order_by("pk").values_list("kind", "language"))


def texts(letter: Letter, language: str) -> list[str]:
    context = KINDS[letter.kind].context(letter.cause, language)
    context |= {"cabinet_link": "http://x/cabinet/", "not_mine_link": "http://x/not-mine/"}
    with translation.override(language):
        return [
            render_to_string(f"letters/{letter.kind}/{language}.{end}", context)
            for end in ("subject.txt", "txt", "html")
        ]


class TestWhatIsConfirmed:
    def test_a_withdrawal_once(self, person):
        given(person, version(form("C8")))
        for _time in range(2):
            ledger.withdraw(subject=person, form=form("C8"), proof=BY_CODE)
        assert told(person) == [("consent_withdrawn", "kk")]

    def test_a_deferred_one_when_it_is_said_and_again_when_it_takes_effect(self, person):
        given(person, version())
        loans.record_contract(subject=person, number="K-1")
        ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
        assert told(person) == [("consent_withdrawal_deferred", "kk")]
        loans.record_contract(subject=person, number="K-1", state=ContractState.PERFORMED)
        assert told(person)[1:] == [("consent_withdrawn", "kk")]
        assert "Міндеттемеңіз орындалды" in texts(Letter.objects.latest("pk"), "kk")[1]

    def test_a_refusal_and_a_question_but_no_consent(self, person):
        of = version(form("C8"))
        ledger.ask(subject=person, version=of)
        refused(person, of)
        given(person, of)
        assert [kind for kind, _language in told(person)] == ["consent_asked", "consent_refused"]

    def test_nothing_of_an_import(self, person):
        of = version(form("C8"))
        imported = Proof(Channel.IMPORTED, Trust.IMPORTED)
        shown = ledger.serve(subject=person, version=of, language="ru")
        ledger.refuse(served=shown.served, expected_version=of.number, proof=imported)
        given(person, of)
        ledger.withdraw(subject=person, form=of.form, proof=imported)
        assert told(person) == []

    def test_nothing_of_a_paper_that_was_declined(self, person):
        of, rights = version(), ("consent.record_consentevent", "consent.confirm_consentevent")
        given(person, of)
        clerk, other = permit(StaffUserFactory(), *rights), permit(StaffUserFactory(), *rights)
        with as_officer(clerk):
            typed = ledger.record_paper(subject=person, version=of, language="kk", occurred_at=timezone.now(), by=clerk)
        with as_officer(other):
            ledger.decline(event=typed, by=other, reason="not_signed")
        assert told(person) == []

    def test_nothing_of_a_device_nobody_has_signed_in_with(self, db):
        of = version(form("C12"))
        shown = ledger.serve(subject=None, version=of, language="ru", device=b"x" * 16)
        ledger.refuse(served=shown.served, expected_version=of.number, proof=BY_CODE)
        assert not Letter.objects.exists()

    def test_a_question_that_was_answered_meanwhile_is_not_sent(self, person):
        of = version(form("C8"))
        ledger.ask(subject=person, version=of)
        letter = Letter.objects.get()
        assert KINDS[letter.kind].is_current(letter.cause)
        refused(person, of)
        assert not KINDS[letter.kind].is_current(letter.cause)

    def test_a_campaign_about_a_version_names_its_form_and_stops_when_another_is_offered(self, db):
        of = version(form("C8"))
        cause = f"consent.ConsentFormVersion:{of.pk}#consent_asked"
        kind = KINDS["consent_asked"]
        assert kind.context(cause, "ru")["form"] == "Согласие C8 (C8)"
        assert kind.is_current(cause)
        version(of.form)
        assert not kind.is_current(cause)


class TestTheTexts:
    def every(self, person) -> list[Letter]:
        contract_form = version(form("C1", scope_kind=ScopeKind.CONTRACT))
        contract = loans.record_contract(subject=person, number="K-SECRET-1")
        scope = f"contract:{contract.pk}"
        given(person, contract_form, scope=scope)
        ledger.withdraw(subject=person, form=form("C1"), scope=scope, proof=BY_CODE)
        bureau = version(form("C3", scope_kind=ScopeKind.RECIPIENT, bound=False))
        given(person, bureau, scope="recipient:77")
        ledger.withdraw(subject=person, form=form("C3"), scope="recipient:77", proof=BY_CODE)
        refused(person, bureau, scope="recipient:78")
        ledger.ask(subject=person, version=version(form("C9")))
        given(person, version(form("C8"), term="P10D"))
        terms.remind()
        about = f"consent.ConsentFormVersion:{bureau.pk}#consent_reminded.1.1"
        write(kind="consent_reminded", cause=about, language=person.language, subject_id=person.pk)
        return list(Letter.objects.order_by("pk"))

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_name_no_contract_no_recipient_and_no_person_and_leave_no_gap(self, person, language):
        found = self.every(person)
        assert {letter.kind for letter in found} == {kind.kind for kind in letters.KINDS}
        for letter in found:
            for text in texts(letter, language):
                for secret in ("K-SECRET-1", "recipient", "77", "78", "Согласие C3", "Келісім C3", "Consent C3"):
                    assert secret not in text, (letter.kind, secret)
                assert "{{" not in text
                assert text.strip()
            subject, plain, page = texts(letter, language)
            assert "\n" not in subject.strip()
            assert "http://x/cabinet/" in plain
            assert "http://x/not-mine/" in page
            assert {"kk": "Айқын", "ru": "Айкын", "en": "Айкын"}[language] in plain

    def test_stand_in_three_languages_for_every_kind(self):
        for kind in letters.KINDS:
            folder = Path(settings.BASE_DIR, "templates", "letters", kind.kind)
            wanted = {f"{code}.{end}" for code in LANGUAGES for end in ("subject.txt", "txt", "html")}
            assert {path.name for path in folder.iterdir()} == wanted


class TestTerms:
    def test_the_end_is_told_once_two_weeks_before(self, person):
        event = given(person, version(form("C8"), term="P20D"))
        assert terms.remind() == 0
        later = event.occurred_at + timedelta(days=7)
        assert terms.remind(at=later) == 1
        assert terms.remind(at=later + timedelta(days=1)) == 0
        assert told(person) == [("consent_expiring", "kk")]

    def test_a_renewed_consent_is_told_of_again_and_the_old_letter_is_not_sent(self, person):
        of = version(form("C8"), term="P10D")
        given(person, of)
        assert terms.remind() == 1
        letter = Letter.objects.get()
        assert KINDS[letter.kind].is_current(letter.cause)
        given(person, of)
        assert not KINDS[letter.kind].is_current(letter.cause)
        assert terms.remind() == 1

    def test_a_form_bound_to_the_loan_ends_when_its_term_has_passed_and_nothing_is_owed(self, person):
        event = given(person, version(form("C1"), term="P1Y"))
        loans.record_contract(subject=person, number="K-1")
        before, after = (event.occurred_at + timedelta(days=days) for days in (360, 370))
        assert terms.expire(at=after) == 0, "a contract is open"
        assert ledger.standings(person)["C1", ""].state == State.GIVEN
        loans.record_contract(subject=person, number="K-1", state=ContractState.PERFORMED)
        assert terms.expire(at=before) == 0, "the term runs still"
        assert terms.expire(at=after) == 1
        assert terms.expire(at=after) == 0
        assert ConsentState.objects.get().state == State.EXPIRED

    def test_one_without_a_term_never_ends_by_the_clock(self, person):
        event = given(person, version(form("C1"), term=""))
        assert terms.expire(at=event.occurred_at + timedelta(days=9999)) == 0

    def test_a_release_nobody_told_of_is_made_up_for(self, person):
        given(person, version())
        contract = loans.record_contract(subject=person, number="K-1")
        ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
        type(contract).objects.filter(pk=contract.pk).update(state=ContractState.PERFORMED, performed_at=timezone.now())
        assert ConsentState.objects.get().state == State.WITHDRAWAL_DEFERRED
        tasks.keep_terms()
        assert ConsentState.objects.get().state == State.WITHDRAWN
        assert ConsentEvent.objects.latest("pk").actor == "job:consents"

    def test_the_beat_knows_the_task(self):
        assert "consent.keep_terms" in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
        assert tasks.keep_terms.name == "consent.keep_terms"


class TestStopping:
    """What is not consented to any more is not used: the person's data are restricted (DESIGN 5)."""

    def test_the_end_of_the_last_main_consent_restricts_and_a_new_one_lifts_it(self, person):
        of = version()
        given(person, of)
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        person.refresh_from_db()
        assert person.standing == Standing.RESTRICTED
        assert person.history.latest().history_change_reason == "consent_withdrawn"
        given(person, of)
        person.refresh_from_db()
        assert person.standing == Standing.ORDINARY

    def test_while_another_one_stands_or_the_withdrawal_waits_nothing_stops(self, person):
        of = version(form("C1", scope_kind=ScopeKind.CONTRACT))
        one, two = (loans.record_contract(subject=person, number=f"K-{n}") for n in (1, 2))
        for contract in (one, two):
            given(person, of, scope=f"contract:{contract.pk}")
        for contract in (one, two):
            ledger.withdraw(subject=person, form=of.form, scope=f"contract:{contract.pk}", proof=BY_CODE)
        person.refresh_from_db()
        assert person.standing == Standing.ORDINARY
        loans.record_contract(subject=person, number="K-1", state=ContractState.PERFORMED)
        person.refresh_from_db()
        assert person.standing == Standing.ORDINARY
        loans.record_contract(subject=person, number="K-2", state=ContractState.PERFORMED)
        person.refresh_from_db()
        assert person.standing == Standing.RESTRICTED

    def test_other_forms_stop_nothing(self, person):
        given(person, version(form("C8")))
        ledger.withdraw(subject=person, form=form("C8"), proof=BY_CODE)
        person.refresh_from_db()
        assert person.standing == Standing.ORDINARY

    @pytest.mark.parametrize("standing", [Standing.BLOCKED, Standing.DECEASED])
    def test_a_stronger_standing_stays(self, person, standing):
        given(person, version())
        person.standing = standing
        person.save()
        ledger.withdraw(subject=person, form=form(), proof=BY_CODE)
        person.refresh_from_db()
        assert person.standing == standing

    def test_what_ended_while_the_person_was_blocked_stops_the_use_after_it(self, person):
        of = version()
        given(person, of)
        self.stand(person, Standing.BLOCKED)
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        self.unblocked(person)
        assert person.standing == Standing.RESTRICTED
        self.stand(person, Standing.BLOCKED)
        self.unblocked(person)
        given(person, of)
        person.refresh_from_db()
        assert person.standing == Standing.ORDINARY, "a new consent lifts what the end of the old one stopped"

    def test_a_new_consent_does_not_undo_a_granted_destruction(self, person):
        of = version()
        given(person, of)
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        request_acts.restrict(SubjectRequest(subject=person))
        given(person, of)
        person.refresh_from_db()
        assert person.standing == Standing.RESTRICTED

    @staticmethod
    def stand(person, standing):
        person.standing = standing
        person.save(update_fields=["standing"])

    @staticmethod
    def unblocked(person):
        request_acts.unblock(SubjectRequest(subject=person), None)
        person.refresh_from_db()

    def test_what_somebody_restricted_for_another_reason_is_not_lifted(self, person):
        of = version()
        person.standing = Standing.RESTRICTED
        person.save()
        given(person, of)
        person.refresh_from_db()
        assert person.standing == Standing.RESTRICTED
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        person.language = "ru"
        person.save()
        given(person, of)
        person.refresh_from_db()
        assert person.standing == Standing.RESTRICTED

    def test_of_two_restrictions_the_last_ones_reason_counts(self, person):
        of = version()
        given(person, of)
        ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
        given(person, of)
        person.refresh_from_db()
        person.standing = Standing.RESTRICTED  # by an officer, for a reason of their own
        person.save()
        given(person, of)
        person.refresh_from_db()
        assert person.standing == Standing.RESTRICTED
