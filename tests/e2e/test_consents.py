"""Consents in a real browser, on a telephone: give, refuse, withdraw with and without a loan (issue 3, Shows 4)."""

import pytest
from django.conf import settings

from audit.actor import acting_as
from consent.enums import State
from consent.ledger import standings
from consent.models import ConsentEvent, FormServed
from subjects import loans
from subjects.enums import Standing
from subjects.models import DataSubject
from subjects.obligations import ContractState
from tests.consent.factories import form, purpose, version
from tests.e2e.browser import Seat, chromium
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

PHONE = {"width": 360, "height": 740}


def seated(browser, house, person: DataSubject, language: str, *, scripts: bool = True) -> Seat:
    """The person in their cabinet; the door itself is gone through in test_main_job."""
    seat = Seat(browser, house.url, locale=f"{language}-KZ", scripts=scripts)
    session = inside(person).cookies[settings.CABINET_COOKIE_NAME].value
    seat.context.add_cookies([{"name": settings.CABINET_COOKIE_NAME, "value": session, "url": house.url}])
    seat.page.set_viewport_size(PHONE)
    return seat


def fits(seat: Seat) -> bool:
    """Whether nothing is wider than the telephone."""
    return seat.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def owes(person: DataSubject, state: str) -> None:
    with acting_as("job:loan-system"):
        loans.record_contract(subject=person, number="K-2026-77", state=state)


def state_of(person: DataSubject, code: str) -> str:
    return standings(person)[code, ""].state


def answers(seat: Seat, code: str, answer: str) -> None:
    seat.go("/cabinet/consents/")
    seat.press(f"a[href='/cabinet/consents/{code}/']")
    assert fits(seat)
    seat.shot(f"consent-{code}-{answer}")
    seat.press(f"button[name=answer][value={answer}]")
    assert seat.page.locator("[role=status] .notice").count() == 1, "what happened is said, and read out"


def withdraws(seat: Seat, code: str) -> str:
    """Withdraw, and give back what the page said before the click."""
    seat.go("/cabinet/consents/")
    seat.press(f"a[href='/cabinet/consents/{code}/withdraw/']")
    assert fits(seat)
    said = seat.text("main")
    seat.shot(f"withdraw-{code}")
    seat.press("main form [type=submit]")
    return said


@pytest.mark.browser
@pytest.mark.prove
@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_a_customer_gives_refuses_and_withdraws(house, browser_path, monkeypatch, scripts):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright runs a loop in this thread
    purpose("adverts", required=False)
    version(form("C1"), purposes={"contract": "kk ru", "adverts": "kk ru"})
    for code in ("C8", "C9", "C11"):
        version(form(code))
    person = DataSubjectFactory(language="kk")

    with chromium(browser_path) as browser, house.web():
        seat = seated(browser, house, person, "kk", scripts=scripts)
        seat.go("/cabinet/consents/")
        assert seat.page.get_attribute("html", "lang") == "kk"
        assert seat.page.locator("main input:checked").count() == 0, "nothing is chosen in advance"
        assert fits(seat)
        seat.shot("consents")
        answers(seat, "C1", "give")
        answers(seat, "C8", "give")
        answers(seat, "C9", "refuse")
        assert [state_of(person, code) for code in ("C1", "C8", "C9")] == [State.GIVEN, State.GIVEN, State.REFUSED]
        event = ConsentEvent.objects.get(form__code="C1")
        assert (event.language, event.actor) == ("kk", f"subject:{person.public_id}")
        assert event.served == FormServed.objects.get(version__form__code="C1")

        owes(person, ContractState.OPENED)
        said = withdraws(seat, "C8")
        assert "K-2026-77" not in said, "an optional consent is held by no contract"
        assert state_of(person, "C8") == State.WITHDRAWN

        said = withdraws(seat, "C1")
        assert "K-2026-77" in said
        assert "adverts" in said
        assert state_of(person, "C1") == State.WITHDRAWAL_DEFERRED
        owes(person, ContractState.PERFORMED)
        assert state_of(person, "C1") == State.WITHDRAWN
        person.refresh_from_db()
        assert person.standing == Standing.RESTRICTED
        seat.go("/cabinet/consents/")
        seat.shot("consents-restricted")

        answers(seat, "C1", "give")
        said = withdraws(seat, "C1")
        assert "K-2026-77" not in said, "the loan is repaid"
        assert state_of(person, "C1") == State.WITHDRAWN
        assert seat.complaints == []
