"""A scripted year of one person's life: page and file of twelve days tell what was true then, and nothing else.

Everything is done by the services that do it in the house; `tests.subjects.travel` moves each step to its day.
"""

from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from audit.actor import acting_as
from consent import ledger
from consent.models import Purpose
from staff.enums import Role
from subjects import decisions, holds, loans, recording, registers, services, subject_file, vault
from subjects.models import DataSubject, LegalHold, PersonalData, SubjectRequest
from subjects.subject_page import moment
from tests.consent.factories import BY_CODE, form, given, version
from tests.staff.conftest import member  # noqa: F401
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.asked import answer, ask
from tests.subjects.travel import on
from tests.transfers.factories import world
from transfers import services as transfers

pytestmark = pytest.mark.django_db
ALMATY = ZoneInfo("Asia/Almaty")
WORKS = (
    "subjects.add_subjectrequest", "subjects.handle_subjectrequest", "subjects.reveal_value", "subjects.add_legalhold",
    "subjects.change_legalhold", "subjects.lift_legalhold", "subjects.correct_email",
)  # fmt: skip
EMAIL, SENT = "life@example.kz", "0" * 64


def noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(12), ALMATY)


class True_(NamedTuple):
    """What was true at the end of a day: written by hand, not computed."""

    day: str
    name: str
    values: int
    standing: str
    application: str = ""
    contract: str = ""
    consents: str = ""
    adverts: bool = False
    sent: int = 0
    request: str = ""
    hold: str = ""
    looks: int = 0
    language: str = "kk"


YEAR = [
    True_("2025-12-05", "", 0, "ordinary"),
    True_("2026-01-10", "Канареева Әйгерім", 3, "ordinary"),
    True_("2026-01-20", "Канареева Әйгерім", 3, "ordinary", "applied", "", "C1 given"),
    True_("2026-02-10", "Канареева Әйгерім", 3, "ordinary", "offer_agreed", "opened", "C1 given"),
    True_("2026-03-10", "Иванова Әйгерім", 3, "ordinary", "offer_agreed", "opened", "C1 given"),
    True_(
        "2026-04-15", "Иванова Әйгерім", 3, "ordinary", "offer_agreed", "opened", "C1 given, C3 given, C8 given",
        adverts=True,
    ),
    True_(
        "2026-05-25", "Иванова Әйгерім", 3, "ordinary", "offer_agreed", "overdue", "C1 given, C3 given, C8 given",
        adverts=True, sent=1,
    ),
    True_(
        "2026-06-01", "Иванова Әйгерім", 3, "ordinary", "offer_agreed", "overdue", "C1 given, C3 given, C8 given",
        adverts=True, sent=1, request="RequestInitiated",
    ),
    True_(
        "2026-07-10", "Иванова Әйгерім", 3, "ordinary", "offer_agreed", "overdue", "C1 given, C3 given, C8 withdrawn",
        sent=1, request="RequestFulfilled", language="ru",
    ),
    True_(
        "2026-08-20", "Иванова Әйгерім", 3, "ordinary", "offer_agreed", "performed",
        "C1 given, C3 given, C8 withdrawn", sent=1, request="RequestFulfilled", hold="in force", language="ru",
    ),
    True_(
        "2026-09-20", "Иванова Әйгерім", 3, "restricted", "offer_agreed", "performed",
        "C1 withdrawn, C3 given, C8 withdrawn", sent=1, request="RequestFulfilled", hold="lifted", looks=1,
        language="ru",
    ),
    True_(
        "2026-10-30", "Иванова Әйгерім", 2, "restricted", "offer_agreed", "performed",
        "C1 withdrawn, C3 given, C8 withdrawn", sent=1, request="RequestFulfilled", hold="lifted", looks=1,
        language="ru",
    ),
]  # fmt: skip


class Life:
    """The year, step by step; after each step the file of then is kept, to be compared with what is told later."""

    def __init__(self) -> None:
        self.files: dict[str, dict] = {}
        for day, step in (
            ("2025-12-01", self.beginning), ("2026-01-08", self.known), ("2026-01-15", self.applies),
            ("2026-02-03", self.borrows), ("2026-03-05", self.marries), ("2026-04-10", self.agrees),
            ("2026-05-20", self.is_told_of), ("2026-05-31", self.asks), ("2026-06-30", self.is_answered),
            ("2026-08-15", self.pays), ("2026-09-15", self.leaves), ("2026-10-25", self.loses_email),
        ):  # fmt: skip
            with on(noon(day)):
                step()
            self.files[day] = told(self.person, None)

    def beginning(self) -> None:
        registers.load()
        with acting_as("command:load_registers@tests"):
            registers.load_clock()
        self.made = world()
        self.person: DataSubject = self.made.person
        self.c1 = version(form("C1"), purposes={"contract": "kk ru"})
        self.c8 = version(form("C8"), purposes={"adverts": "kk ru"})
        with acting_as("migration:consent.tests"):  # they are in force from the first day of the year
            Purpose.objects.update(valid_from=date(2025, 12, 1))
        self.officer, self.other = permit(StaffUserFactory(), *WORKS), permit(StaffUserFactory(), *WORKS)

    def record(self, category: str, **parts: str) -> None:
        recording.record(subject=self.person, category=category, values=[parts], source="cabinet", origin="subject")

    def known(self) -> None:
        self.record("full_name", last="Канареева", first="Әйгерім")
        self.record("iin", value="850314390019")
        self.record("email", value=EMAIL)

    def applies(self) -> None:
        given(self.person, self.c1)
        loans.record_application(subject=self.person, number="A-1", state="applied")

    def borrows(self) -> None:
        decisions.tell(
            subject=self.person, client="scoring", number="D-1", kind="credit", outcome="granted",
            occurred_at=datetime.now(tz=ALMATY), categories=["iin"],
        )  # fmt: skip
        applied = loans.record_application(subject=self.person, number="A-1", state="offer_agreed")
        loans.record_contract(subject=self.person, number="K-1", state="opened", application=applied)

    def marries(self) -> None:
        self.record("full_name", last="Иванова", first="Әйгерім")

    def agrees(self) -> None:
        given(self.person, self.c8)
        self.made.consents()

    def is_told_of(self) -> None:
        loans.record_contract(subject=self.person, number="K-1", state="overdue")
        done = transfers.authorise(question=self.made.question())
        transfers.release(token=done.token, payload_sha256=SENT)

    def asks(self) -> None:
        ask(self.person)

    def is_answered(self) -> None:
        answer(SubjectRequest.objects.get(), by=self.officer)
        ledger.withdraw(subject=self.person, form=self.c8.form, proof=BY_CODE)
        services.choose_language(subject=self.person, language="ru")

    def pays(self) -> None:
        loans.record_contract(subject=self.person, number="K-1", state="performed")
        with as_officer(self.officer):
            holds.place(subject=self.person, kind="court", case_number="7527-26", body="Суд", by=self.officer)

    def leaves(self) -> None:
        ledger.withdraw(subject=self.person, form=self.c1.form, proof=BY_CODE)
        hold = LegalHold.objects.get()
        with as_officer(self.officer):
            holds.propose_lift(hold=hold, by=self.officer)
            iin = PersonalData.objects.select_related("subject", "category").get(category__code="iin")
            vault.reveal(value=iin, by=self.officer, reason="check")
        with as_officer(self.other):
            holds.lift(hold=hold, by=self.other)

    def loses_email(self) -> None:
        value = PersonalData.objects.select_related("subject", "category").get(category__code="email")
        with as_officer(self.officer):
            services.remove_email(value=value, reason="told_by_person", by=self.officer, seen=services.newest(value))


def told(person: DataSubject, at: datetime | None) -> dict:
    """The file's sections for programs, without values."""
    return subject_file.as_data(subject_file.read(DataSubject.objects.get(pk=person.pk), "ru", at=at))["sections"]


def codes(section: dict, *names: str) -> list[tuple]:
    """Of every row these cells, as codes."""
    found = [[row[name] for name in names] for row in section["rows"]]
    return [tuple(cell["value"] if isinstance(cell, dict) else cell for cell in row) for row in found]


def read_file(life: Life, day: str) -> True_:
    """What the file of the day tells."""
    person = DataSubject.objects.get(pk=life.person.pk)
    at = moment(day)
    values = vault.own_values(subject=person, page="test", at=at)
    shown = subject_file.as_data(subject_file.read(person, "ru", at=at, values=values))["sections"]
    [who] = codes(shown["confirmation"], "standing", "language")
    names = [row["value"]["text"] for row in shown["data"]["rows"] if row["category"]["value"] == "full_name"]
    lifted = codes(shown["holds"], "lifted")
    return True_(
        day,
        next(iter(names), ""),
        len(shown["data"]["rows"]),
        who[0],
        "".join(state for (state,) in codes(shown["applications"], "state")),
        "".join(state for (state,) in codes(shown["contracts"], "state")),
        ", ".join(f"{code} {state}" for code, state in codes(shown["consents"], "form", "state")),
        ("adverts", True) in codes(shown["purposes"], "purpose", "pursued"),
        len(shown["recipients"]["rows"]),
        "".join(state for (state,) in codes(shown["requests"], "state")),
        ("lifted" if lifted[0][0] else "in force") if lifted else "",
        len(shown["looks"]["rows"]),
        who[1],
    )


def read_page(client: Client, life: Life, day: str) -> True_:
    """What the officers' page of the day tells; a value is counted and not opened."""
    response = client.get(f"/admin/subjects/datasubject/{life.person.pk}/change/", {"at": day})
    assert response.status_code == 200
    shown = response.context
    parts = {part["template"]: part for part in shown["parts"] if part["template"] != "admin/subjects/_part.html"}
    tables = {str(part["title"]): part["rows"] for part in shown["parts"] if "rows" in part and "title" in part}
    consents = parts["admin/consent/_consents.html"]
    answered = [row for row in consents["rows"] if row["standing"].last]
    lifted = [cells[-1] for _url, cells in tables.get("Legal holds: nothing is destroyed", [])]
    return True_(
        day,
        "",
        len(shown["values"]),
        shown["subject"].standing,
        "".join(cells[1] for _url, cells in tables.get("Applications", [])),
        "".join(cells[1] for _url, cells in tables.get("Contracts", [])),
        ", ".join(f"{row['form'].code} {row['state'].value}" for row in answered),
        any(row["reason"].purpose.code == "adverts" and row["reason"].allowed for row in consents["reasons"]),
        len(parts["admin/transfers/_of_person.html"]["sent"]),
        "".join(cells[4] for _url, cells in tables.get("Requests of the person", [])),
        ("in force" if lifted[0] == "—" else "lifted") if lifted else "",
        len([look for look in shown["looks"] if look["why"]]),
        shown["subject"].language,
    )


IN_WORDS = {
    "offer_agreed": "offer agreed", "opened": "open", "RequestInitiated": "received", "RequestFulfilled": "answered",
}  # fmt: skip


def in_words(true: True_) -> True_:
    """The same as the page says it, in English, without the value."""
    said = {
        field: IN_WORDS.get(getattr(true, field), getattr(true, field))
        for field in ("application", "contract", "request")
    }
    return true._replace(name="", **said)


def test_page_and_file_of_twelve_days_tell_what_was_true_then(member, django_assert_max_num_queries):  # noqa: F811
    life = Life()
    assert len(YEAR) == 12
    client = Client(headers={"accept-language": "en"})
    client.force_login(member(Role.DPO))
    for true in YEAR:
        assert read_file(life, true.day) == true
        assert read_page(client, life, true.day) == in_words(true)

    # and every file that was made then is made again today, to the letter
    for day, file in life.files.items():
        again = told(life.person, moment(day))
        for code, section in file.items():
            differs = [pair for pair in zip(again[code]["rows"], section["rows"], strict=True) if pair[0] != pair[1]]
            assert not differs, (day, code)
            assert again[code] == section, (day, code)

    # before the person was known nothing is told of them but that
    before = told(life.person, noon("2025-11-01"))
    assert "did not stand" in subject_file.read(life.person, "en", at=noon("2025-11-01")).parts[0].table.words[0]
    assert [
        code for code, section in before.items() if section["rows"] and code not in ("confirmation", "purposes")
    ] == []
