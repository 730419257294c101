"""My consents in the cabinet: each asked by itself, nothing given in advance, and before a withdrawal what it does."""

import re
from html import unescape

import pytest

from audit.actor import acting_as
from consent import asking, ledger
from consent.enums import Channel, ScopeKind, Trust
from consent.models import ConsentEvent, ConsentForm, ConsentState, FormServed
from subjects import loans
from subjects.enums import Standing
from subjects.models import DataSubject
from tests.consent.factories import BY_CODE, form, given, purpose, refused, version
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db

LIST = "/cabinet/consents/"


def page_of(code: str) -> str:
    return f"{LIST}{code}/"


def text_of(response) -> str:
    return re.sub(r"\s+", " ", unescape(response.content.decode()))


def hidden(response) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(served|version|about)" value="([^"]*)"', text_of(response)))


def buttons(response) -> list[str]:
    return re.findall(r'name="answer" value="(\w+)"', text_of(response))


def say(client, code: str, answer: str, **wrong):
    return client.post(f"{page_of(code)}answer/", {**hidden(client.get(page_of(code))), "answer": answer, **wrong})


def state_of(person, code: str = "C1", scope: str = "") -> str:
    return ledger.standings(person)[code, scope].state


class TestTheList:
    def test_says_of_every_form_what_for_who_gets_it_and_how_it_stands(self, person):
        given(person, version(form("C1")))
        version(form("C8"), term="P1Y")
        page = text_of(inside(person, "en").get(LIST))
        for words in (
            "Consent C1",
            "Consent C8",
            "contract kk",
            "full_name ru; iin ru",
            "1 год",
            "Given",
            "Never asked",
        ):
            assert words in page or words.replace("kk", "ru") in page, words

    def test_what_never_is_a_condition_says_so_and_the_rest_does_not(self, person):
        version(form("C1"))
        assert "Not a condition of the loan" not in text_of(inside(person, "en").get(LIST))
        for code in ("C8", "C9", "C10", "C11", "C12"):
            version(form(code))
        assert text_of(inside(person, "en").get(LIST)).count("Not a condition of the loan") == 5

    def test_public_sources_are_refused_by_default(self, person):
        version(form("C11"))
        page = text_of(inside(person, "en").get(LIST))
        assert "Refused by default" in page
        assert "Your data are not made public" in page

    def test_a_form_nobody_offers_any_more_stays_to_be_withdrawn(self, person):
        old = version(form("C8"))
        given(person, old)
        type(old).objects.filter(pk=old.pk).update(
            in_force_during=(old.in_force_during.lower, ConsentEvent.objects.get().occurred_at)
        )
        client = inside(person, "en")
        assert f"{page_of('C8')}withdraw/" in text_of(client.get(LIST))
        assert "not offered any more" in text_of(client.get(page_of("C8")))

    def test_each_thing_a_consent_is_about_stands_by_itself_and_a_new_application_is_asked_anew(self, person):
        of = version(form("C1", scope_kind=ScopeKind.CONTRACT))
        contract = loans.record_contract(subject=person, number="K-77")
        given(person, of, scope=f"contract:{contract.pk}")
        application = loans.record_application(subject=person, number="A-5")
        page = text_of(inside(person, "en").get(LIST))
        assert "contract K-77" in page
        assert "application A-5" in page
        client = inside(person, "en")
        shown = client.get(page_of("C1"), {"about": f"application:{application.pk}"})
        client.post(f"{page_of('C1')}answer/", {**hidden(shown), "answer": "refuse"})
        assert state_of(person, "C1", f"application:{application.pk}") == "refused"
        assert state_of(person, "C1", f"contract:{contract.pk}") == "given"

    def test_costs_as_many_queries_for_twelve_forms_as_for_one(self, person, django_assert_max_num_queries):
        given(person, version(form("C1")))
        client = inside(person, "en")
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(
            connection,
        ) as one:
            client.get(LIST)
        for number in range(2, 13):
            given(person, version(form(f"C{number}")))
        with django_assert_max_num_queries(len(one)):
            client.get(LIST)

    def test_a_person_whose_use_is_stopped_is_told_so(self, person):
        DataSubject.objects.filter(pk=person.pk).update(standing=Standing.RESTRICTED)
        assert "The use of your data is stopped" in text_of(inside(person, "en").get(LIST))

    @pytest.mark.parametrize(("language", "heading"), [("kk", "Келісімдерім"), ("ru", "Мои согласия")])
    def test_is_in_the_readers_language(self, person, language, heading):
        version(form("C1"))
        page = text_of(inside(person, language).get(LIST))
        assert f'<html lang="{language}"' in page
        assert {"kk": "Келісім C1", "ru": "Согласие C1"}[language] in page


class TestAnswering:
    def test_what_is_shown_is_recorded_and_is_what_the_answer_holds(self, person):
        version(form("C1"))
        client = inside(person, "kk", REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Test/1")
        shown = client.get(page_of("C1"))
        served = FormServed.objects.get()
        assert served.sha256 in text_of(shown)
        assert "БСН 990140000385" in text_of(shown)
        assert str(person) in text_of(shown)
        response = client.post(f"{page_of('C1')}answer/", {**hidden(shown), "answer": "give"})
        assert response.url.startswith(LIST)
        event = ConsentEvent.objects.get()
        assert (event.kind, event.served, event.language, event.sha256) == ("given", served, "kk", served.sha256)
        assert (event.channel, event.trust) == (Channel.WEB, Trust.SUBJECT_CODE)
        assert event.actor == f"subject:{person.public_id}"
        assert b"203.0.113.9" not in bytes(event.sealed_evidence)

    def test_the_address_and_the_program_are_sealed_and_open_for_evidence_alone(self, person):
        from subjects import vault
        from subjects.evidence import _key_of

        version(form("C1"))
        client = inside(person, "kk", REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="x" * 999)
        say(client, "C1", "give")
        parts = vault.cipher.open_parts(
            _key_of(person, "evidence"), bytes(ConsentEvent.objects.get().sealed_evidence), subject=person.public_id,
            class_="evidence", category="consent.event", field=vault.FIELD,
        )  # fmt: skip
        assert parts == {"address": "203.0.113.9", "agent": "x" * 300}

    def test_nothing_is_chosen_in_advance_and_the_answers_weigh_the_same(self, person):
        version(form("C8"))
        shown = inside(person, "en").get(page_of("C8"))
        page = text_of(shown)
        assert buttons(shown) == ["give", "refuse", "later"]
        assert "checkbox" not in page
        assert "checked" not in page
        assert "primary" not in page
        assert re.findall(r'<button class="([^"]*)" type="submit" name="answer"', page) == ["button"] * 3

    def test_a_refusal_is_recorded_and_said(self, person):
        version(form("C8"))
        client = inside(person, "en")
        response = client.get(say(client, "C8", "refuse").url)
        assert state_of(person, "C8") == "refused"
        assert re.search(r'role="status"[^>]*><p[^>]*>Your refusal is recorded', text_of(response))

    def test_after_three_times_later_it_is_not_given_and_not_asked_a_fourth_time(self, person):
        version(form("C8"))
        client = inside(person, "en")
        for _time in range(3):
            assert "later" in buttons(client.get(page_of("C8")))
            say(client, "C8", "later")
        assert state_of(person, "C8") == "not_given"
        assert buttons(client.get(page_of("C8"))) == ["give", "refuse"]

    def test_looking_changes_nothing_and_head_shows_nobody_anything(self, person):
        version(form("C8"))
        client = inside(person)
        client.head(page_of("C8"))
        assert not FormServed.objects.exists()
        client.get(page_of("C8"))
        client.get(f"{page_of('C8')}answer/", {"answer": "give"})
        assert not ConsentEvent.objects.exists()
        assert not ConsentState.objects.exists()

    def test_a_text_that_changed_meanwhile_is_shown_anew_with_409_and_nothing_is_given(self, person):
        of = version(form("C8"))
        client = inside(person, "en")
        old = hidden(client.get(page_of("C8")))
        new = version(of.form, term="P2Y")
        response = client.post(f"{page_of('C8')}answer/", {**old, "answer": "give"})
        assert response.status_code == 409
        assert "changed while you were reading" in text_of(response)
        assert re.search(r"2 (years|года|жыл)", text_of(response))
        assert not ConsentEvent.objects.exists()
        fresh = hidden(response)
        assert fresh["version"] == str(new.number)
        client.post(f"{page_of('C8')}answer/", {**fresh, "answer": "give"})
        assert state_of(person, "C8") == "given"

    def test_the_same_button_twice_is_one_answer(self, person):
        version(form("C8"))
        client = inside(person)
        sent = {**hidden(client.get(page_of("C8"))), "answer": "give"}
        for _time in range(2):
            client.post(f"{page_of('C8')}answer/", sent)
        assert ConsentEvent.objects.count() == 1

    def test_a_new_text_asks_again_and_says_that_the_old_consent_stands(self, person):
        of = version(form("C8"))
        given(person, of)
        client = inside(person, "en")
        assert buttons(client.get(page_of("C8"))) == []
        version(of.form)
        page = client.get(page_of("C8"))
        assert "That consent stands whatever you answer" in text_of(page)
        say(client, "C8", "refuse")
        assert state_of(person, "C8") == "given"

    @pytest.mark.parametrize("wrong", [{"answer": "yes"}, {"served": "x"}, {"version": ""}, {"answer": ""}])
    def test_what_the_page_never_sends_is_a_bad_request(self, person, wrong):
        version(form("C8"))
        assert say(inside(person), "C8", **{"answer": "give", **wrong}).status_code == 400

    def test_what_was_shown_to_another_is_not_there(self, person):
        of = version(form("C8"))
        other = DataSubjectFactory()
        served = ledger.serve(subject=other, version=of, language="kk").served
        sent = {"served": served.pk, "version": of.number, "answer": "give"}
        assert inside(person).post(f"{page_of('C8')}answer/", sent).status_code == 404
        mine = ledger.serve(subject=person, version=of, language="kk").served
        sent = {"served": mine.pk, "version": of.number, "answer": "give"}
        version(form("C9"))
        assert inside(person).post(f"{page_of('C9')}answer/", sent).status_code == 404
        assert not ConsentEvent.objects.exists()

    def test_another_persons_contract_is_nothing_to_answer_about(self, person):
        version(form("C1", scope_kind=ScopeKind.CONTRACT))
        theirs = loans.record_application(subject=DataSubjectFactory(), number="A-9")
        assert inside(person).get(page_of("C1"), {"about": f"application:{theirs.pk}"}).status_code == 404
        assert inside(person).get(page_of("C77")).status_code == 404

    def test_nobody_is_asked_at_the_door(self, client, person):
        version(form("C8"))
        assert client.get(page_of("C8")).url == "/cabinet/sign-in/"


class TestWithdrawing:
    def mixed(self):
        purpose("adverts", required=False)
        purpose("accounting", ground="law")
        return version(form("C1"), purposes={"contract": "kk ru", "adverts": "kk ru"})

    def test_with_no_contract_the_page_says_at_once_and_so_it_is(self, person):
        given(person, self.mixed())
        client = inside(person, "en")
        page = text_of(client.get(f"{page_of('C1')}withdraw/"))
        assert "takes effect at once" in page
        assert "Goes on until" not in page
        for words in ("contract", "adverts", "accounting"):
            assert f"<li>{words}</li>" in page
        assert not ConsentEvent.objects.filter(kind="withdrawn").exists(), "reading is not withdrawing"
        response = client.post(f"{page_of('C1')}withdraw/")
        assert "The consent is withdrawn, from now on." in text_of(client.get(response.url))
        assert state_of(person) == "withdrawn"

    def test_with_an_open_contract_it_names_it_what_stops_and_what_goes_on(self, person):
        given(person, self.mixed())
        loans.record_contract(subject=person, number="K-2026-1")
        client = inside(person, "en")
        page = text_of(client.get(f"{page_of('C1')}withdraw/"))
        assert "contract K-2026-1" in page
        stops, goes_on = re.search(r"Stops at once</h3>(.*)Goes on until.*?</h3>(.*)What a law", page).groups()
        assert "adverts" in stops
        assert "<li>contract</li>" in goes_on
        response = client.post(f"{page_of('C1')}withdraw/")
        assert "takes effect by itself" in text_of(client.get(response.url))
        assert state_of(person) == "withdrawal_deferred"
        assert "ends by itself when your obligation" in text_of(client.get(page_of("C1")))

    def test_another_persons_contract_holds_nothing(self, person):
        given(person, self.mixed())
        loans.record_contract(subject=DataSubjectFactory(), number="K-9")
        page = text_of(inside(person, "en").get(f"{page_of('C1')}withdraw/"))
        assert "K-9" not in page
        assert "takes effect at once" in page

    def test_twice_is_one_withdrawal_and_says_the_same(self, person):
        given(person, version(form("C8")))
        client = inside(person)
        urls = {client.post(f"{page_of('C8')}withdraw/").url for _time in range(2)}
        assert urls == {f"{LIST}?done=withdrawn"}
        assert ConsentEvent.objects.filter(kind="withdrawn").count() == 1

    def test_what_was_never_given_is_refused_and_not_withdrawn(self, person):
        refused(person, version(form("C8")))
        client = inside(person)
        for response in (client.get(f"{page_of('C8')}withdraw/"), client.post(f"{page_of('C8')}withdraw/")):
            assert response.url == page_of("C8")
        assert state_of(person, "C8") == "refused"

    def test_of_one_contract_leaves_the_others(self, person):
        of = version(form("C3", scope_kind=ScopeKind.RECIPIENT))
        for scope in ("recipient:1", "recipient:2"):
            given(person, of, scope=scope)
        client = inside(person)
        client.post(f"{page_of('C3')}withdraw/", {"about": "recipient:1"})
        assert state_of(person, "C3", "recipient:1") == "withdrawn"
        assert state_of(person, "C3", "recipient:2") == "given"
        assert client.post(f"{page_of('C3')}withdraw/", {"about": "recipient:9"}).status_code == 404


class TestHome:
    def test_what_we_asked_stands_there_until_it_is_answered(self, person):
        of = version(form("C8"))
        client = inside(person, "en")
        assert page_of("C8") not in text_of(client.get("/cabinet/"))
        ledger.ask(subject=person, version=of)
        assert page_of("C8") in text_of(client.get("/cabinet/"))
        say(client, "C8", "refuse")
        assert page_of("C8") not in text_of(client.get("/cabinet/"))

    def test_a_new_text_that_a_campaign_asks_about_stands_there_until_it_is_answered_or_put_off_thrice(self, person):
        of = form("C8")
        given(person, version(of, purposes={"marketing": "kk ru"}))
        new = version(of, purposes={"marketing": "kk ru", "statistics": "kk ru"})
        officer = permit(StaffUserFactory(), "notifications.run_campaign")
        with as_officer(officer):
            campaign = asking.ask(form=of, by=officer)
        with acting_as("job:consents"):
            asking.note(campaign, new)
        client = inside(person, "en")
        for _time in range(3):
            assert page_of("C8") in text_of(client.get("/cabinet/"))
            assert "Ask me later" in text_of(client.get(page_of("C8")))
            say(client, "C8", "later")
        assert page_of("C8") not in text_of(client.get("/cabinet/"))
        page = text_of(client.get(page_of("C8")))
        assert "Ask me later" not in page
        assert "I consent" in page
        assert state_of(person, "C8") == "given", "what they gave before stands"

    def test_an_imported_consent_in_no_known_language_may_be_given_anew(self, person):
        of = version(form("C8"))
        with ledger.locked(ledger.Owner(person), of.form, "") as row:
            ledger.append(row, ledger.Proof("imported", "imported"), kind="given", version=of)
        client = inside(person, "en")
        say(client, "C8", "give")
        assert state_of(person, "C8") == "renewed"

    def test_what_the_loan_cannot_do_without_is_not_put_off(self, person):
        of = version(form("C1"))
        page = text_of(inside(person, "en").get(page_of("C1")))
        assert "Ask me later" in page
        ConsentForm.objects.filter(pk=of.form_id).update(required=True)
        page = text_of(inside(person, "en").get(page_of("C1")))
        assert "Ask me later" not in page
        assert "I refuse" in page

    def test_a_term_that_ends_soon_stands_there_too(self, person):
        given(person, version(form("C8"), term="P10D"))
        given(person, version(form("C9"), term="P1Y"))
        page = text_of(inside(person, "en").get("/cabinet/"))
        assert page_of("C8") in page
        assert page_of("C9") not in page
        client = inside(person, "en")
        assert "Renew the consent" in text_of(client.get(page_of("C8")))
        say(client, "C8", "give")
        assert state_of(person, "C8") == "renewed"


def test_history_tells_what_happened_newest_first(person):
    of = version(form("C8"))
    given(person, of)
    ledger.withdraw(subject=person, form=of.form, proof=BY_CODE)
    page = text_of(inside(person, "en").get(page_of("C8")))
    assert page.index("<strong>Withdrawn</strong>") < page.index("<strong>Given</strong>")


def test_a_receipt_stands_beside_what_the_person_said_and_not_beside_what_we_asked(person):
    of = version(form("C8"))
    ledger.ask(subject=person, version=of)
    asked, said = ConsentEvent.objects.get(), given(person, of)
    page = text_of(inside(person, "en").get(LIST))
    for ending in ("json", "pdf"):
        assert f"/cabinet/receipts/{said.public_id}.{ending}" in page
    assert str(asked.public_id) not in page
    assert "/cabinet/receipts/verify_receipt.py" in page
