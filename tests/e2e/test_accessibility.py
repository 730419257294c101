"""WCAG 2.2 AA of every page of the cabinet and the main public and admin pages, by axe in a real browser (issue 5).

axe.min.js comes from the wheel axe-playwright-python (MPL-2.0, a dependency of the tests alone).
"""

import json
from importlib.resources import files

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.actor import acting_as
from consent import registers as consent_registers
from notifications.services import write
from staff import services as staff
from staff.enums import Role
from subjects import denylist, own_denials, registers, relations, vault
from subjects.models import DataSubject
from tests.consent.factories import form, version
from tests.e2e.browser import Seat, chromium
from tests.e2e.test_consents import PHONE, seated
from tests.policies.factories import published_version
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory, named
from tests.subjects.restraints import author, deny, second
from tests.test_url_matrix import routes

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = json.dumps({"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
# what a thumb must hit: links of lists and buttons of our pages are 44 px high (ui.md)
SMALL = """() => [...document.querySelectorAll('main button, main .button, .link-list a, .languages button, .cabinet-nav a')]
    .filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 43.5)
    .map(e => e.outerHTML.slice(0, 80))"""
PUBLIC = (
    "/policy/",
    "/policy/personal-data/",
    "/policy/personal-data/v/",
    "/policy/personal-data/v/1/",
    "/admin/login/",
)
OUTSIDE = ("/cabinet/", "/cabinet/sign-in/", "/cabinet/help/", "/cabinet/not-me/done/")
ADMIN = (
    "index", "subjects_datasubject_changelist", "policies_policyversion_changelist", "consent_purpose_changelist",
    "consent_coverage", "notifications_letter_changelist", "subjects_dutyrule_changelist", "subjects_handoverkey_add",
)  # fmt: skip


def problems(seat: Seat) -> list[str]:
    """What axe finds wrong with the page: the rule and the elements."""
    seat.page.evaluate(AXE)
    found = seat.page.evaluate(f"() => axe.run(document, {{runOnly: {RULES}, resultTypes: ['violations']}})")
    return [
        f"{rule['id']} ({rule['impact']}): " + "; ".join(node["html"][:120] for node in rule["nodes"][:3])
        for rule in found["violations"]
    ]


def own_pages() -> list[str]:
    """Every page of the cabinet behind the door that can be read without naming anything."""
    left_out = {"cabinet/enter", "cabinet/sign-out/", "cabinet/sessions/end/", "cabinet/sign-in/", "cabinet/code/"}
    found = [route for _name, route in routes() if route.startswith("cabinet/") and "<" not in route]
    # what ends in .pdf, .json, .zip is taken, not read in a browser
    return sorted(f"/{route}" for route in found if route not in left_out and "." not in route)


def check(seat: Seat, path: str, wrong: list[str], *, thumbs: bool) -> int:
    answer = seat.page.goto(path)
    if answer is None or answer.status != 200:  # nothing to see there now: it is another test's matter
        return 0
    wrong += [f"{path}: {problem}" for problem in problems(seat)]
    if thumbs:
        wrong += [f"{path}: lower than 44 px: {element}" for element in seat.page.evaluate(SMALL)]
        if not seat.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"):
            wrong.append(f"{path}: wider than the telephone")
    return 1


def record_of(person: DataSubject, officer) -> None:
    """Something on every page."""
    value = vault.store(subject=person, category="employer", parts={"value": "«Дала» ЖШС"}, source="officer")
    with acting_as(f"officer:{officer.pk}"):
        vault.reveal(value=value, by=officer, reason="check")
        relations.authorise(
            subject=DataSubjectFactory(), representative=person, basis="parent", acts=["know"],
            document_kind="birth_certificate", last_four="1234", by=officer,
        )  # fmt: skip
    with acting_as("job:test"):
        write(kind="phone_changed", cause="x:1#phone_changed", language="kk", subject_id=person.pk)
    by, then = author(), second()
    deny(person, by=by, then=then)
    denylist.dispute(entry=deny(person, by=by, then=then, kind="abuse"))


@pytest.mark.browser
def test_every_page_holds_wcag_22_aa_on_a_telephone_and_at_a_desk(house, browser_path, monkeypatch, member):  # noqa: F811
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright runs a loop in this thread
    with acting_as("command:load_registers@test"):
        registers.load()
        consent_registers.load_categories()
        registers.load_clock()
        consent_registers.load()
    officer = permit(member(Role.OFFICER, username="aliya"), "subjects.reveal_value")
    staff.publish_undertaking(text_kk="…", text_ru="…", by=None)
    with acting_as(f"officer:{officer.pk}"):
        staff.accept_undertaking(user=officer, language="ru", version_expected=1)
    with acting_as("job:test"):
        for code in ("C1", "C8"):
            version(form(code))
        person = named(DataSubjectFactory(iin="850314390019", phone="+77012345678", language="kk"), last="Серікова")
        record_of(person, officer)
        published_version(significant=True)
    desk = Client()
    desk.force_login(officer)

    wrong: list[str] = []
    with chromium(browser_path) as browser, house.web():
        outside = Seat(browser, house.url, locale="kk-KZ")
        outside.page.set_viewport_size(PHONE)
        seen = sum(check(outside, path, wrong, thumbs=path.startswith("/cabinet")) for path in OUTSIDE + PUBLIC)
        customer = seated(browser, house, person, "kk")
        denials = [reverse("cabinet:denial", args=[own.handle]) for own in own_denials.of(person)]
        pages = [*own_pages(), *denials, "/cabinet/consents/C8/", "/cabinet/policy/personal-data/"]
        seen += sum(check(customer, path, wrong, thumbs=True) for path in pages)
        # what is asked before them, and the dark theme
        stale = Seat(browser, house.url, locale="ru-KZ")
        stale.page.set_viewport_size(PHONE)
        cookie = inside(person, fresh=False).cookies[settings.CABINET_COOKIE_NAME].value
        stale.context.add_cookies([{"name": settings.CABINET_COOKIE_NAME, "value": cookie, "url": house.url}])
        stale.page.emulate_media(color_scheme="dark")
        seen += sum(
            check(stale, path, wrong, thumbs=True) for path in ("/cabinet/data/", "/cabinet/", "/cabinet/letters/")
        )
        stale.go("/cabinet/data/")
        stale.press("main form .button.primary")
        wrong += [f"the code: {problem}" for problem in problems(stale)]
        officer_seat = Seat(browser, house.url, locale="ru-KZ")
        officer_seat.context.add_cookies(
            [{"name": "sessionid", "value": desk.cookies["sessionid"].value, "url": house.url}]
        )
        admin = [reverse(f"admin:{name}") for name in ADMIN]
        admin.append(reverse("admin:subjects_calendar", args=[timezone.localdate().year]))
        admin.append(reverse("admin:subjects_datasubject_change", args=[person.pk]))
        seen += sum(check(officer_seat, path, wrong, thumbs=False) for path in admin)
    print(f"\n{seen} pages looked at by axe {AXE[8:16].strip()}: {len(wrong)} violations of WCAG 2.2 AA")
    assert not wrong, "\n" + "\n".join(wrong)
    assert seen >= 30
