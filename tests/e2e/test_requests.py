"""Requests in a real browser, in Kazakh, on a telephone without JavaScript (issue 5, Shows 3): access answered within the
term, with its letter and its PDF; a correction with a paper; a withdrawal with an open loan; a representative."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from audit.actor import acting_as
from consent import ledger
from consent.enums import Channel, State, Trust
from consent.ledger import Proof
from notifications.models import Letter
from staff import services as staff
from staff.models import StaffUser
from subjects import deadlines, loans, registers, relations, vault
from subjects.models import SubjectRequest
from subjects.requests import RequestState
from tests.consent.factories import form, version
from tests.e2e.browser import Seat, chromium
from tests.e2e.conftest import until
from tests.e2e.test_consents import fits, seated, state_of
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.test_requests import PDF

DESK = "/admin/subjects/subjectrequest/"


def desk_of(browser, house, officer: StaffUser) -> Seat:
    """The officer at their desk; the door is gone through in test_main_job."""
    client = Client()
    client.force_login(officer)
    seat = Seat(browser, house.url, locale="kk-KZ")
    name = settings.SESSION_COOKIE_NAME
    seat.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": house.url}])
    return seat


def asks(seat: Seat, *kinds: str, **typed: str) -> SubjectRequest:
    """Make a request, as the person does, from the cabinet's home."""
    seat.go("/cabinet/")
    seat.press("a[href='/cabinet/requests/']")
    seat.press("a[href='/cabinet/requests/new/']")
    for kind in kinds:
        seat.page.check(f"#kind-{kind}")
    assert fits(seat)
    seat.shot(f"request-kinds-{kinds[0]}")
    seat.press("main form [type=submit]")
    for field, value in typed.items():
        place = f"main [name={field}]"
        if field == "file":
            seat.page.set_input_files(place, value)
        elif seat.page.locator(place).first.evaluate("e => e.tagName") == "SELECT":
            seat.page.select_option(place, value)
        elif seat.page.locator(place).first.get_attribute("type") == "checkbox":
            seat.page.check(f"{place}[value={value}]")
        else:
            seat.page.fill(place, value)
    assert fits(seat)
    seat.shot(f"request-new-{kinds[0]}")
    seat.press("main form [type=submit]")
    assert fits(seat)
    seat.shot(f"request-made-{kinds[0]}")
    return SubjectRequest.objects.latest("pk")


def works(seat: Seat, row: SubjectRequest) -> str:
    """The officer takes it up, grants it and answers in the proposed words; gives back the answer."""
    seat.go(f"{DESK}?queue=open")
    seat.shot(f"queue-{row}")
    seat.press(f"a:text-is('{row}')")
    for name in ("take-up", "grant"):
        seat.press(f"a[href$='/step/{name}/']")
        seat.press("#content form [type=submit]")
    seat.shot(f"request-granted-{row}")
    seat.press("a[href$='/step/answer/']")
    answer = seat.page.input_value("textarea[name=text]")
    seat.press("#content form [type=submit]:not([name])")
    seat.shot(f"answer-preview-{row}")
    seat.press("#content form [name=send]")
    seat.shot(f"request-answered-{row}")
    return answer


@pytest.mark.browser
def test_requests_from_the_cabinet_to_the_answer(house, browser_path, monkeypatch, tmp_path, member, sink):  # noqa: F811
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright runs a loop in this thread
    with acting_as("command:load_registers@test"):
        registers.load_clock()
    officer = member("officer", username="aliya", language="kk")
    with acting_as(f"officer:{officer.pk}"):
        staff.publish_undertaking(text_kk="…", text_ru="…", by=None)
        staff.accept_undertaking(user=officer, language="kk", version_expected=1)
    with acting_as("job:test"):
        offered = version(form("C1"))
        person, friend = DataSubjectFactory(language="kk"), DataSubjectFactory(language="kk")
        vault.store(subject=person, category="employer", parts={"value": "Ескі"}, source="form")
        shown = ledger.serve(subject=person, version=offered, language="kk")
        ledger.give(served=shown.served, expected_version=offered.number, proof=Proof(Channel.WEB, Trust.SUBJECT_CODE))
        loans.record_contract(subject=person, number="K-2026-77")
    paper = tmp_path / "anyqtama.pdf"
    paper.write_bytes(PDF)

    with chromium(browser_path) as browser, house.web(), house.worker():
        seat, desk = seated(browser, house, person, "kk", scripts=False), desk_of(browser, house, officer)

        # access: the clock is shown, the answer comes within it, the letter says that it waits, the PDF is taken
        row = asks(seat, "access", text="Мен туралы қандай деректер бар?")
        assert "жұмыс күні" in seat.text("main"), "how long we have is said in working days"
        said = works(desk, row)
        row.refresh_from_db()
        assert row.state == RequestState.FULFILLED
        clock = deadlines.of(row.about).get()
        assert clock.met_at <= clock.due_at
        told = Letter.objects.filter(subject=person, kind="request_answered")
        until(lambda: told.filter(state="sent").exists(), seconds=20, what="the letter about the answer is sent")
        assert said.split("\n\n")[1] not in letter_of(sink, row), "the letter never says what the answer does"
        seat.go(f"/cabinet/requests/{row.public_id}/")
        assert fits(seat)
        seat.press(f"a[href$='{row.public_id}/answer/']")
        assert said.split("\n\n")[0] in seat.text("main")
        assert fits(seat)
        seat.shot("request-answer")
        with seat.page.expect_download() as coming:
            seat.page.click("a[href$='answer.pdf']")
        coming.value.save_as(tmp_path / "answer.pdf")
        assert (tmp_path / "answer.pdf").read_bytes().startswith(b"%PDF-")
        assert coming.value.suggested_filename == f"{row}.pdf"

        # a correction with a paper: the officer types nothing again
        row = asks(seat, "correct", category="employer", value="Айқын", file=str(paper))
        assert row.files.count() == 1
        works(desk, row)
        with acting_as("job:record"):
            held = vault.open_for("record", subject_ids=[person.pk], category="employer")[person.pk]
        assert [parts["value"] for parts in held] == ["Айқын"]

        # a withdrawal while the loan is open waits for the loan, and the answer says for which
        row = asks(seat, "withdraw", about_withdraw="C1")
        assert "K-2026-77" in works(desk, row)
        assert state_of(person, "C1") == State.WITHDRAWAL_DEFERRED
        with acting_as("job:loan-system"):
            loans.record_contract(subject=person, number="K-2026-77", state="performed")
        assert state_of(person, "C1") == State.WITHDRAWN

        # a representative with a power of attorney asks for the person, and reads what they may learn
        with acting_as(f"officer:{officer.pk}"):
            who = relations.authorise(
                subject=person, representative=friend, basis="power_of_attorney", acts=["ask", "know"], by=officer,
                document_kind="power_of_attorney", last_four="0042",
                valid_until=timezone.localdate() + timedelta(days=30),
            )  # fmt: skip
        other = seated(browser, house, friend, "kk", scripts=False)
        row = asks(other, "confirm", whom=str(who.pk))
        assert (row.subject, row.representative) == (person, who)
        said = works(desk, row)
        other.go(f"/cabinet/requests/{row.public_id}/answer/")
        assert said.split("\n\n")[1] in other.text("main")
        assert (seat.complaints, other.complaints, desk.complaints) == ([], [], [])


def letter_of(sink, row: SubjectRequest) -> str:
    """The letter that the answer to the request waits, as it arrived."""
    found = [m for m in sink.messages() if m["Subject"] == "Өтінішіңізге жауап дайын"]
    text = found[-1].get_body(("plain",)).get_content() if found else ""
    assert str(row) in text
    return text
