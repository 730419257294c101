"""The main job, end to end, as people do it: import, approve, publish, write to everybody, read, answer
(issue 2, Shows 2; policy 9.2)."""

import re
from collections import Counter
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.utils import translation

from audit.actor import acting_as
from consent.models import Acknowledgement, NoticeServed
from notifications.enums import CampaignState
from notifications.models import Campaign
from policies.enums import State
from policies.models import Policy, PolicyVersion
from staff import services as staff
from subjects.models import DataSubject
from tests.e2e.browser import Seat, chromium
from tests.e2e.conftest import ROOT, open_letters, until
from tests.e2e.people import address_of, import_people, language_of
from tests.policies.factories import KK, RU, published_version

PASSWORD = "steppe wormwood caravan 41"
REAL, SAMPLE = ROOT.parent / "shared" / "policy" / "{}.md", ROOT / "config" / "demo" / "policy" / "{}-1.md"
DRAFT = {
    "order_number": "17-П",
    "order_date": "2026-11-20",
    "scope_kk": "Сайт және барлық кеңселер.",
    "scope_ru": "Сайт и все офисы.",
    "significance_reason_kk": "Саясатты өзгерту тәртібі нақтыланды.",
    "significance_reason_ru": "Уточнён порядок изменения политики.",
    "change_summary_kk": "Соңғы тармақ толықтырылды.",
    "change_summary_ru": "Дополнен последний пункт.",
}


def policy_texts(tmp_path: Path) -> dict[str, Path]:
    """The real policy where it is at hand, else the sample of the demo, else that of the tests."""
    for pattern in (REAL, SAMPLE):
        found = {code: Path(str(pattern).format(code)) for code in ("kk", "ru")}
        if all(path.exists() for path in found.values()):
            return found
    for code, text in (("kk", KK), ("ru", RU)):
        (tmp_path / f"{code}.md").write_text(text)
    return {code: tmp_path / f"{code}.md" for code in ("kk", "ru")}


def as_it_was(text: str) -> tuple[str, str]:
    """An earlier wording of the same text: its last numbered clause without its last word; and that word."""
    *_others, last = re.finditer(r"^\d+\.\d+\..*\S", text, flags=re.M)
    *head, word = last.group().split(" ")
    return text[: last.start()] + " ".join(head) + text[last.end() :], word.strip('.,;:«»"()')


def body_of(message: EmailMessage) -> str:
    return message.get_body(("plain",)).get_content()


@pytest.mark.browser
@pytest.mark.prove
def test_from_two_files_to_an_answer_in_the_cabinet(house, sink, size, browser_path, tmp_path, monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright runs a loop in this thread
    files = policy_texts(tmp_path)
    old = {code: as_it_was(path.read_text()) for code, path in files.items()}
    first = published_version(ru=old["ru"][0], kk=old["kk"][0])
    people = size(200, least=20)
    import_people(people, phones=True)
    with acting_as("job:fixture"):
        links = {
            role: staff.create_staff(username=name, email=f"{name}@example.kz", role=role)[1]
            for name, role in (("aliya", "officer"), ("marat", "dpo"))
        }
        staff.publish_undertaking(text_kk="Құпияны сақтаймын.", text_ru="Обязуюсь хранить тайну.", by=None)

    with chromium(browser_path) as browser, house.web(), house.worker(), house.beat():
        officer, dpo = (Seat(browser, house.url, locale="ru-RU") for _ in range(2))
        enters(officer, "aliya", links["officer"])
        imports_and_submits(officer, first.policy, files)
        version = PolicyVersion.objects.get(policy=first.policy, number=2)

        enters(dpo, "marat", links["dpo"])
        sink.delay = 1.5  # a letter; until it has been watched, however long the page takes
        approves_and_publishes(dpo, version, people)
        watches_the_campaign(dpo)
        sink.delay = 0
        until(lambda: open_letters() == 0, seconds=120, what="every letter at its end")
        everybody_has_one_letter(sink.messages(), people)
        reads_about_the_campaign(dpo, people)

        customer = Seat(browser, house.url, locale="kk-KZ")
        person = DataSubject.objects.order_by("pk").first()
        letter = next(m for m in sink.messages() if m["Delivered-To"] == address_of(0))
        signs_in(customer, letter, sink)
        reads_and_answers(customer, first.policy.code, new_word=old["kk"][1])

        reads_history(dpo, version)
        complaints = officer.complaints + dpo.complaints + customer.complaints

    print(
        f"\n{files['ru'].parent.parent.name}/{files['ru'].parent.name}: {version.clauses.count()} clauses, {people} people, "
        f"{people} letters, one each; one answer in Kazakh; {len(complaints)} complaints of three browsers' consoles"
    )
    assert complaints == []
    answer = Acknowledgement.objects.get()
    served = NoticeServed.objects.get()
    assert (answer.subject, answer.version, answer.answer, answer.language) == (person, version, "read", "kk")
    assert answer.actor == served.actor == f"subject:{person.public_id}"
    assert answer.served == served
    assert len(answer.sha256) == 64
    assert answer.sha256 == served.sha256
    steps = [(row.actor, row.state) for row in version.history.order_by("history_id")]
    aliya, marat = (f"officer:{pk}" for pk in (version.submitted_by_id, version.published_by_id))
    assert steps[0] == (aliya, "draft")
    assert [step for step in steps if step[1] != "draft"] == [
        (aliya, "in_review"),
        (marat, "approved"),
        (marat, "published"),
    ]


def enters(seat: Seat, username: str, link: str) -> None:
    """The first time: set a password by the one-time link, sign in, accept the undertaking."""
    seat.go(urlsplit(link).path)
    for field in ("new_password1", "new_password2"):
        seat.page.fill(f"[name={field}]", PASSWORD)
    seat.press("form:has([name=new_password1]) [type=submit]")
    seat.page.fill("[name=username]", username)
    seat.page.fill("[name=password]", PASSWORD)
    seat.press("#login-form [type=submit]")
    assert "Обязуюсь хранить тайну." in seat.text()
    seat.go("/admin/policies/policyversion/")
    assert "/undertaking/" in seat.page.url, "nothing else opens before"
    seat.press("form:has([name=version]) [type=submit]")
    assert urlsplit(seat.page.url).path == "/admin/"
    seat.shot(f"home-{username}")


def imports_and_submits(seat: Seat, policy: Policy, files: dict[str, Path]) -> None:
    seat.go("/admin/policies/policyversion/")
    seat.press("a[href$='/import/']")
    seat.page.select_option("[name=policy]", str(policy.pk))
    for code, path in files.items():
        seat.page.set_input_files(f"[name={code}]", str(path))
    seat.press("form[enctype] [type=submit]")
    seat.shot("imported")
    seat.press("nav a[href='?tab=terms']")
    for name, value in DRAFT.items():
        seat.page.fill(f"[name={name}]", value)
    seat.page.select_option("[name=significant]", "true")
    seat.press("form:has([name=order_number]) [type=submit]")
    seat.shot("draft")
    seat.press("a[href$='/steps/submit/']")
    seat.press(".confirmation [type=submit]")
    assert not seat.page.query_selector("a[href$='/steps/approve/']"), "nobody approves their own"
    seat.shot("submitted")


def approves_and_publishes(seat: Seat, version: PolicyVersion, people: int) -> None:
    seat.go(f"/admin/policies/policyversion/{version.pk}/change/")
    seat.shot("side-by-side")
    seat.go(f"/admin/policies/policyversion/{version.pk}/change/?tab=changes")
    seat.press("a[href$='/steps/approve/']")
    seat.press(".confirmation [type=submit]")
    seat.press("a[href$='/steps/publish/']")
    assert str(people) in seat.text(".confirmation"), "how many will be written to is said before"
    seat.page.check("[name=when][value=now]")
    seat.page.fill("[name=number]", str(version.number))
    seat.shot("publish")
    seat.press("#step .buttons [type=submit]")
    version.refresh_from_db()
    assert version.is_in_force


def everybody_has_one_letter(messages: list[EmailMessage], people: int) -> None:
    assert Counter(message["Delivered-To"] for message in messages) == {address_of(n): 1 for n in range(people)}
    languages = {message["Delivered-To"]: message["Content-Language"] for message in messages}
    assert languages == {address_of(n): language_of(n) for n in range(people)}
    summaries = {message["Content-Language"]: DRAFT["change_summary_kk"] in body_of(message) for message in messages}
    assert summaries["kk"]
    assert not summaries["ru"]


def watches_the_campaign(seat: Seat) -> None:
    """The figures move, and the rest of the page stays as it is."""
    seat.go(f"/admin/notifications/campaign/{Campaign.objects.get().pk}/change/")
    seat.page.evaluate("document.querySelector('iframe').dataset.mine = 'kept'")

    def done() -> int:
        seat.page.wait_for_timeout(100)
        return int(seat.page.get_attribute(".progress progress", "value"))

    before = done()
    until(lambda: done() > before, seconds=10, what="the progress moves by itself")
    assert seat.page.locator("iframe[data-mine=kept]").count() == 1, "the page was not loaded anew"
    seat.shot("campaign-running")


def reads_about_the_campaign(seat: Seat, people: int) -> None:
    until(lambda: Campaign.objects.get().state == CampaignState.FINISHED, seconds=40, what="the campaign is finished")
    seat.go(f"/admin/notifications/campaign/{Campaign.objects.get().pk}/change/")
    assert str(people) in seat.text(".progress")
    frame = seat.page.frame_locator("iframe").first
    assert DRAFT["change_summary_kk"] in frame.locator("body").inner_text()
    seat.shot("campaign")
    seat.press("a[href*='state__exact=sent']:not([href*=language])")
    assert seat.page.locator("#result_list tbody tr").count() == min(people, 50)
    seat.press("#result_list tbody tr:first-child th a")
    seat.shot("letter")
    assert "@" not in seat.text("#content")


def signs_in(seat: Seat, letter: EmailMessage, sink) -> None:
    link = re.search(r"http://\S+/cabinet/(?=\s)", body_of(letter)).group()
    seat.go(link)
    assert seat.page.get_attribute("html", "lang") == "kk"
    seat.page.fill("[name=identifier]", "8 701 000 00 00")
    before = len(sink.messages())
    seat.press("form:has([name=identifier]) [type=submit]")
    until(lambda: len(sink.messages()) > before, seconds=10, what="the letter with the code")
    message = sink.messages()[-1]
    assert (message["Delivered-To"], message["Content-Language"]) == (address_of(0), "kk")
    seat.page.fill("[name=code]", re.search(r"\b\d{6}\b", body_of(message)).group())
    seat.press("form:has([name=code]) [type=submit]")
    seat.shot("cabinet")


def reads_and_answers(seat: Seat, code: str, *, new_word: str) -> None:
    assert seat.page.locator(".attention").count() == 1
    seat.press(f"a[href='/cabinet/policy/{code}/']")
    assert seat.page.get_attribute("html", "lang") == "kk"
    assert DRAFT["change_summary_kk"] in seat.text()
    inserted = " ".join(seat.page.locator("main ins").all_inner_texts())
    assert new_word in inserted, "what is new is marked, in Kazakh"
    button = seat.page.locator("button[name=answer][value=read]")
    assert button.inner_text() == "Таныстым"
    seat.shot("difference")
    seat.press("button[name=answer][value=read]")
    assert urlsplit(seat.page.url).path == "/cabinet/"
    assert seat.page.locator(".attention").count() == 0, "it is not asked again"
    seat.press("a[href='/cabinet/answers/']")
    seat.shot("answers")


def reads_history(seat: Seat, version: PolicyVersion) -> None:
    seat.go(f"/admin/policies/policyversion/{version.pk}/history/")
    text = seat.text("#content")
    assert text.count("aliya") >= 2
    assert text.count("marat") >= 2
    with translation.override("ru"):
        for state in (State.DRAFT, State.IN_REVIEW, State.APPROVED, State.PUBLISHED):
            assert str(state.label) in text
    seat.shot("history")
