"""What the demo begins with. Every step looks whether it was done, so a second start adds nothing; every write is
signed by the officer whose work it would be."""

import json
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils import timezone

from audit.actor import acting_as, because, command_actor
from config.demo import clauses, life, outgoing, people, requests, texts, transfers
from consent import drafting, importing, ledger
from consent.enums import Channel, EventKind, Trust
from consent.importing import ConsentRow
from consent.ledger import Proof
from consent.models import ConsentEvent, ConsentForm, ConsentFormVersion
from policies import services as policies
from policies.enums import State
from policies.models import Policy, PolicyVersion
from staff import registers as staff_registers
from staff import services as staff
from staff.enums import Language, Role
from staff.models import Operator, StaffUser, Undertaking
from staff.rules import has_accepted_undertaking
from subjects import import_runs, loans, relations
from subjects.enums import Standing
from subjects.models import DataSubject, DocumentSeen, ImportState, Representative
from subjects.obligations import ContractState

POLICY = "privacy"
TEXTS = Path(__file__).parent / "policy"
IN_CABINET = Proof(Channel.WEB, Trust.SUBJECT_CODE)
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that are taken for one another
# standing → which customers, by their place in the file; those of the first twenty stay ordinary
STANDINGS = {
    Standing.DECEASED: (41, 142, 243, 344),
    Standing.BLOCKED: (52, 253, 454),
    Standing.RESTRICTED: (63, 164, 265, 366, 467),
}


def load() -> dict[str, str]:
    """Load what is missing; returns {username: password} of the staff."""
    passwords = kept_passwords()
    with acting_as(command_actor("demo")):
        _organisation()
        right = _right(passwords)
        by_name = {role: _member(role, "" if role in right else passwords[role]) for role in passwords}
    officer, dpo = by_name[Role.OFFICER], by_name[Role.DPO]
    _customers(officer)
    _parents(officer)
    _policy(officer, dpo)
    clauses.link(Policy.objects.get(code=POLICY), officer=officer)
    _forms(officer, dpo)
    _consents()
    life.load(officer=officer, dpo=dpo, dead=STANDINGS[Standing.DECEASED])
    transfers.load(Policy.objects.get(code=POLICY), officer=officer, dpo=dpo)
    outgoing.load(officer=officer, dpo=dpo)
    requests.load(officer=officer, dpo=dpo)
    return passwords


def kept_passwords() -> dict[str, str]:
    """{username: password} of the staff, made once; the file is readable by its owner alone."""
    path = settings.VAR / "demo-passwords.json"
    if not path.exists():
        made = {
            str(role): "-".join("".join(secrets.choice(LETTERS) for _n in range(4)) for _group in range(4))
            for role in Role
        }
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file, indent=1)
    return json.loads(path.read_text())


def _right(passwords: dict[str, str]) -> set[str]:
    """Whose password is that of the file; hashing is slow on purpose, so all are looked at together."""
    hashes = dict(StaffUser.objects.filter(username__in=passwords).values_list("username", "password"))
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda name: check_password(passwords[name], hashes[name]), hashes)
        return {name for name, right in zip(hashes, found, strict=True) if right}


def _organisation() -> None:
    if Operator.current() is None:
        Operator.objects.create(**texts.OPERATOR)
    staff_registers.load()


def _member(role: str, password: str) -> StaffUser:
    """The member of staff whose name is their role's, with this password ("": as it is), the undertaking accepted."""
    user = StaffUser.objects.filter(username=role).first()
    if user is None:
        user, _link = staff.create_staff(
            username=role,
            email=f"{role}@aiqyn.example",
            role=role,
            position=texts.POSITIONS[role],
            language=Language.RU,
        )
    if password:
        user = staff.set_password(user=user, password=password)
    if not has_accepted_undertaking(user):
        current = Undertaking.objects.current()
        staff.accept_undertaking(user=user, language=user.language, version_expected=current.version)
    return user


def _customers(officer: StaffUser) -> None:
    """The file goes the way of an officer's upload, but is worked off here instead of by a worker."""
    if DataSubject.objects.exists():
        return
    content = people.as_csv(people.people(timezone.localdate()))
    with acting_as(f"officer:{officer.pk}"):
        run = import_runs.start(content=content, dry_run=False, language=Language.KK, by=officer)
    with acting_as("job:import"):
        import_runs.run(run.pk)
    run.refresh_from_db()
    if run.state != ImportState.DONE:
        raise RuntimeError("; ".join(str(problem) for problem in run.problem_rows()[:5]))
    with acting_as(f"officer:{officer.pk}"), because("demo"), transaction.atomic():
        subjects = list(DataSubject.objects.order_by("pk"))
        for standing, places in STANDINGS.items():
            for place in () if standing in life.BROUGHT else places:
                subjects[place - 1].standing = standing
                subjects[place - 1].save(update_fields=["standing"])


def _parents(officer: StaffUser) -> None:
    """The first customers act for a child each, by a birth certificate that the officer saw."""
    if Representative.objects.exists():
        return
    children = DataSubject.objects.filter(standing=Standing.MINOR).order_by("pk")
    parents = DataSubject.objects.filter(standing=Standing.ORDINARY).order_by("pk")
    with acting_as(f"officer:{officer.pk}"):
        for number, (child, parent) in enumerate(zip(children[:3], parents[:3], strict=False)):
            relations.authorise(
                subject=child,
                representative=parent,
                basis=Representative.Basis.PARENT,
                acts=[Representative.Act.KNOW, Representative.Act.RECEIVE],
                document_kind=DocumentSeen.Kind.BIRTH_CERTIFICATE,
                last_four=f"{4821 + number}",
                by=officer,
            )


def _forms(officer: StaffUser, dpo: StaffUser) -> None:
    """Every form of consent, from its sample: written by the officer, approved by the responsible person."""
    for form in ConsentForm.objects.filter(versions=None):
        with acting_as(f"officer:{officer.pk}"):
            draft = drafting.submit(version=drafting.start(form=form, by=officer), by=officer)
        with acting_as(f"officer:{dpo.pk}"):
            drafting.approve(version=draft, by=dpo)
    _form_that_waits(officer)


def _form_that_waits(officer: StaffUser) -> None:
    """The next version of the form of others' advertising, which the responsible person finds in review."""
    form = ConsentForm.objects.get(code="C9")
    if form.versions.count() > 1:
        return
    with acting_as(f"officer:{officer.pk}"), transaction.atomic():
        draft = drafting.start(form=form, by=officer)
        for language, words in texts.NEXT_C9.items():
            setattr(draft, f"text_{language}", f"{draft.text(language)}\n\n{words}")
        draft.save()
        drafting.submit(version=draft, by=officer)


def _consents() -> None:
    """Loans and answers of the first customers, given in the cabinet; older consents of others, from a spreadsheet."""
    if ConsentEvent.objects.exists():
        return
    offered = {v.form.code: v for v in ConsentFormVersion.objects.in_force().select_related("form")}
    ordinary = list(DataSubject.objects.filter(standing=Standing.ORDINARY).order_by("pk")[:200])
    for place, person in enumerate(ordinary[:24]):
        with acting_as(f"subject:{person.public_id}"), transaction.atomic():
            for code in ("C1", "C8") if place % 3 else ("C1", "C8", "C12"):
                shown = ledger.serve(subject=person, version=offered[code], language=person.language)
                answer = ledger.refuse if code != "C1" and place % 4 == 0 else ledger.give
                answer(served=shown.served, expected_version=offered[code].number, proof=IN_CABINET)
        with acting_as("job:demo"), transaction.atomic():
            contract = loans.record_contract(subject=person, number=f"MK-{2026_000 + place}")
            if place % 2:
                loans.record_contract(subject=person, number=contract.number, state=ContractState.PERFORMED)
        if place in (2, 3, 4, 9):  # 2 and 4 owe something: theirs wait
            with acting_as(f"subject:{person.public_id}"):
                ledger.withdraw(subject=person, form=offered["C1"].form, proof=IN_CABINET)
        if place in (1, 5):
            with acting_as(f"subject:{person.public_id}"):
                ledger.withdraw(subject=person, form=offered["C8"].form, proof=IN_CABINET)
    older = timezone.now() - timedelta(days=200)
    midnight = timezone.localtime(older).replace(hour=0, minute=0, second=0, microsecond=0)
    numbers = [person.client_number for person in people.people(timezone.localdate())][24:200]
    form = offered["C1"].form
    rows = [
        ConsentRow(n, number, form, "", EventKind.GIVEN, midnight, None, "", "") for n, number in enumerate(numbers, 2)
    ]
    with acting_as("command:import_consents@demo"):
        importing.load(rows)


def _policy(officer: StaffUser, dpo: StaffUser) -> None:
    """Version 1 in force, version 2 approved: the newcomer publishes it."""
    with acting_as(f"officer:{officer.pk}"):
        policy, _new = Policy.objects.get_or_create(code=POLICY, defaults=texts.POLICY_TITLE)
    today = timezone.localdate()
    _prepare(policy, 1, officer, dpo, {**texts.VERSION_1, "order_date": today - timedelta(days=30)})
    first = policy.versions.get(number=1)
    if first.state == State.APPROVED:
        with acting_as(f"officer:{dpo.pk}"):
            policies.publish(first, by=dpo)
    _prepare(policy, 2, officer, dpo, {**texts.VERSION_2, "order_date": today})


def _prepare(policy: Policy, number: int, officer: StaffUser, dpo: StaffUser, values: dict) -> None:
    """Imported and submitted by the officer, approved by the responsible person; nothing when the number exists."""
    if policy.versions.filter(number__gte=number).exists():
        return
    files = {
        language: policies.SourceFile(path.name, path.read_bytes())
        for language in ("kk", "ru", "en")
        if (path := TEXTS / f"{language}-{number}.md").exists()
    }
    with transaction.atomic():
        with acting_as(f"officer:{officer.pk}"):
            version: PolicyVersion = policies.import_version(policy=policy, files=files, by=officer)
            policies.save_draft(version, by=officer, values=values)
            policies.submit(version, by=officer)
        with acting_as(f"officer:{dpo.pk}"):
            policies.approve(version, by=dpo)
