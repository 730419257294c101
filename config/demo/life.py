"""What happened to people of the demo: a wrong IIN, deaths and an heir, a person known twice; and more of their data.

Each is the officer's step or the responsible person's, by the services of the pages; what waits for a second person
waits on the home page of whoever may decide.
"""

import random
from datetime import date, timedelta

from django.utils import timezone

from audit.actor import acting_as, command_actor
from config.demo import people, texts
from consent import ledger
from consent.acts import Proof
from consent.enums import Channel, Trust
from consent.models import ConsentForm
from staff import opening
from staff import services as staff
from staff.enums import Role
from staff.models import StaffUser, Undertaking
from subjects import deaths, denylist, iin_corrections, import_runs, relations
from subjects.enums import Standing
from subjects.identifiers import born_of
from subjects.models import DataSubject, Death, RecordImport
from subjects.record_import import RECORDS

# by their place in the file
CORRECTED, WRONG_IIN, HEIR, KNOWN_TWICE = 61, 74, 45, (33, 34)
LEFT = "former-officer"
DENIED = ((2, "refused", "solvency", "ourselves"), (1, "fraud", "others_identity", "bureau"))
WITH_VALUES = range(1, 41)
EMPLOYERS = ("ТОО «Алатау Құрылыс»", "АО «Жетісу Сервис»", "ИП Байтерек", "ТОО «Степь Логистик»")


def load(*, officer: StaffUser, dpo: StaffUser, dead: tuple[int, ...]) -> None:
    """Load it once. dead: the places of the customers who died."""
    if Death.objects.exists():
        return
    subjects = list(DataSubject.objects.order_by("pk")[: people.COUNT])
    rows = people.people(timezone.localdate())
    _deaths(subjects, officer, dead)
    _iins(subjects, rows, officer, dpo)
    first, second = (subjects[place - 1] for place in KNOWN_TWICE)
    with acting_as(f"subject:{second.public_id}"):  # before anybody knew that they are one
        c1 = ConsentForm.objects.get(code="C1")
        ledger.withdraw(subject=second, form=c1, proof=Proof(Channel.WEB, Trust.SUBJECT_CODE))
    with acting_as(f"officer:{officer.pk}"):
        relations.link(subject=first, other=second, kind="same_person")
    _denied(subjects, dpo)
    _values(rows, officer)


def _denied(subjects: list[DataSubject], dpo: StaffUser) -> None:
    """Entries of the denylist by an officer who has left since: one nobody disputes, one disputed."""
    with acting_as(command_actor("demo")):
        left, _link = staff.create_staff(
            username=LEFT, email=f"{LEFT}@aiqyn.example", role=Role.OFFICER, position=texts.POSITIONS[Role.OFFICER]
        )
    with acting_as(f"officer:{left.pk}"):
        undertaking = Undertaking.objects.current()
        staff.accept_undertaking(user=left, language=left.language, version_expected=undertaking.version)
    for place, kind, reason, origin in DENIED:
        with acting_as(f"officer:{left.pk}"):
            row = denylist.propose(
                subject=subjects[place - 1], kind=kind, reason=reason, origin=origin, by=left,
                review_on=timezone.localdate() + timedelta(days=60 + place),
            )  # fmt: skip
        with acting_as(f"officer:{dpo.pk}"):
            opening.approve(row, by=dpo)
    person = subjects[DENIED[-1][0] - 1]
    with acting_as(f"subject:{person.public_id}"):
        denylist.dispute(entry=row, statement="Мен ешқашан бөтен құжат көрсеткен емеспін, өтінім менікі емес.")
    with acting_as(command_actor("demo")):
        staff.deactivate(user=left, by=None)


def _deaths(subjects: list[DataSubject], officer: StaffUser, dead: tuple[int, ...]) -> None:
    today = timezone.localdate()
    with acting_as(f"officer:{officer.pk}"):
        rows = [
            deaths.record(
                subject=subjects[place - 1],
                died_on=today - timedelta(days=7 * number + 3),
                document_kind="death_certificate",
                last_four=f"{1000 + place}",
                by=officer,
            )
            for number, place in enumerate(dead)
        ]
        deaths.admit_heir(
            death=rows[0],
            heir=subjects[HEIR - 1],
            acts=["know", "ask", "receive"],
            document_kind="inheritance",
            last_four="4521",
            by=officer,
        )
        deaths.propose_undo(row=rows[-1], by=officer)


def _iins(subjects: list[DataSubject], rows: list[people.Person], officer: StaffUser, dpo: StaffUser) -> None:
    """One is corrected, one waits for the responsible person."""
    chance, taken = random.Random(61), {row.iin for row in rows}  # noqa: S311 -- invented, and no secrets
    for place in (CORRECTED, WRONG_IIN):
        old = rows[place - 1].iin
        born, sex = born_of(old), "male" if int(old[6]) % 2 else "female"
        with acting_as(f"officer:{officer.pk}"):
            proposed = iin_corrections.propose(
                subject=subjects[place - 1],
                iin=people.iin_of(born, sex, chance, taken),
                birth_date=born,
                sex=sex,
                document_kind="id_card",
                last_four=f"{2000 + place}",
                by=officer,
            )
        if place == CORRECTED:
            with acting_as(f"officer:{dpo.pk}"):
                iin_corrections.approve(row=proposed, by=dpo)


def _values(rows: list[people.Person], officer: StaffUser) -> None:
    """A file of values, the way of an officer's upload."""
    lines = ["client_number;category;kind;value;collected_on"]
    for place in WITH_VALUES:
        number = rows[place - 1].client_number
        collected = date(2026, 1 + place % 9, 1 + place % 27)
        lines.append(f"{number};employer;;{EMPLOYERS[place % len(EMPLOYERS)]};{collected}")
        lines.append(f"{number};contact_phones;home;+77272{500_000 + place:06d};{collected}")
    with acting_as(f"officer:{officer.pk}"):
        run = import_runs.begin(
            RECORDS, content="\n".join(lines).encode(), dry_run=False, by=officer, what=RecordImport.What.VALUES
        )
    with acting_as("job:import"):
        import_runs.run(run.pk, RECORDS)
    run.refresh_from_db()
    if run.problems:
        raise RuntimeError("; ".join(str(problem) for problem in run.problem_rows()[:5]))


# the standings that a life event brings, not a line of a list
BROUGHT = (Standing.DECEASED,)
