"""Recipients, rules, agreements and a whole world in which the gate says yes; tests take one thing away."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from audit.actor import acting_as
from consent import derivation
from consent.enums import Channel, EventKind, FormState, ScopeKind, Trust
from consent.models import (
    ClauseLink,
    ConsentEvent,
    ConsentForm,
    ConsentFormVersion,
    ConsentState,
    FormItem,
    FormServed,
    ItemKind,
    Purpose,
    PurposeCategory,
)
from policies import services as policies
from policies.models import PolicyVersion
from policies.services import SourceFile
from subjects import registers
from subjects.models import DataCategory, DataSubject
from tests.consent import factories as consent
from tests.policies import factories as policy_factories
from tests.staff.factories import StaffUserFactory, as_officer
from tests.subjects.factories import DataSubjectFactory
from transfers.decisions import Question
from transfers.enums import secret
from transfers.models import Agreement, Country, Recipient, RecipientClause, TransferRule

LOADED = "command:load_registers@tests"
CATEGORIES = ("full_name", "iin", "mobile_phone")


def opened(model: type, *, at: datetime | None = None, **fields: Any) -> Any:
    """A row of a register as `load_registers` brings it, in force from `at` (now)."""
    with acting_as(LOADED):
        return model.objects.create(loaded=True, in_force_during=(at or timezone.now(), None), **fields)


def closed(row: Any) -> None:
    """Two officers let what is in force end now."""
    for n, part in enumerate(("proposed", "approved")):
        by = StaffUserFactory()
        with acting_as(f"officer:{by.pk}"):
            setattr(row, f"closing_{part}_by", by)
            setattr(row, f"closing_{part}_at", timezone.now())
            if n:
                row.in_force_during = (row.in_force_during[0], timezone.now())
            row.save()


def recipient(code: str = "pkb", kind: str = "credit_bureau", country: str = "KZ") -> Recipient:
    registered = {"registry_number": "15", "registry_date": date(2026, 1, 9)} if kind == "collector" else {}
    return Recipient.objects.create(
        code=code, kind=kind, country=country, title_ru=code, title_kk=code, title_en=code, **registered
    )


def published() -> PolicyVersion:
    """A policy in force, drafted and approved by two."""
    author, approver = policy_factories.author(), policy_factories.approver()
    files = {
        "ru": SourceFile("ru.md", policy_factories.RU.encode()),
        "kk": SourceFile("kk.md", policy_factories.KK.encode()),
    }
    filled = policy_factories.FILLED | {"significant": True}
    with as_officer(author):
        version = policies.import_version(policy=policy_factories.policy(), files=files, by=author)
        policies.save_draft(version, by=author, values=filled)
        version = policies.submit(version, by=author)
    with as_officer(approver):
        version = policies.approve(version, by=approver)
        return policies.publish(version, by=approver)


def form_version(
    of: ConsentForm,
    *,
    purposes: dict[str, str],
    recipients: dict[str, str],
    categories: tuple[str, ...] = CATEGORIES,
) -> ConsentFormVersion:
    """A version in force. purposes, recipients: {code or kind: languages that name it}."""
    writer, approver, moment = StaffUserFactory(), StaffUserFactory(), timezone.now()
    with acting_as(f"officer:{writer.pk}"):
        made = ConsentFormVersion.objects.create(
            form=of,
            number=of.versions.count() + 1,
            text_ru="Текст",
            text_kk="Мәтін",
            until_purposes_reached=True,
            to_third_parties=True,
            cross_border=False,
            public_distribution=False,
        )

        def item(languages: str, **fields: Any) -> None:
            words = {f"text_{language}": "назван" for language in languages.split()}
            FormItem.objects.create(version=made, **fields, **words)

        for code, languages in purposes.items():
            item(languages, kind=ItemKind.PURPOSE, purpose=consent.purpose(code))
        for kind, languages in recipients.items():
            item(languages, kind=ItemKind.RECIPIENT, recipient_kind=kind)
        for code in categories:
            item("kk ru", kind=ItemKind.CATEGORY, category=DataCategory.objects.get(code=code))
        made.state, made.submitted_by, made.submitted_at = FormState.IN_REVIEW, writer, moment
        made.save()
    with acting_as(f"officer:{approver.pk}"):
        for old in of.versions.filter(in_force_during__endswith=None, state=FormState.APPROVED):
            old.in_force_during = (old.in_force_during.lower, moment)
            old.save()
        made.state, made.approved_by, made.approved_at = FormState.APPROVED, approver, moment
        made.in_force_during = (moment, None)
        made.save()
    return made


def happened(
    subject: DataSubject,
    version: ConsentFormVersion,
    kind: str = EventKind.GIVEN,
    *,
    scope: str = "",
    language: str = "ru",
    channel: str = Channel.WEB,
    trust: str = Trust.SUBJECT_CODE,
    valid_until: datetime | None = None,
    text_known: bool = True,
) -> ConsentEvent:
    """An event of a consent and the row that follows from all of them."""
    served = None
    if channel == Channel.WEB and kind in (EventKind.GIVEN, EventKind.RENEWED):
        served = FormServed.objects.create(
            subject=subject, version=version, scope=scope, language=language, sha256="0" * 64
        )
    event = ConsentEvent.objects.create(
        subject=subject,
        form=version.form,
        scope=scope,
        kind=kind,
        version=version if text_known else None,
        language=language if text_known else "",
        sha256="0" * 64,
        served=served,
        channel=channel,
        trust=trust,
        valid_until=valid_until,
        blocking=[1] if kind == EventKind.WITHDRAWAL_DEFERRED else [],
    )
    events = list(ConsentEvent.objects.filter(subject=subject, form=version.form, scope=scope))
    standing = derivation.fold(events)
    ConsentState.objects.update_or_create(
        subject=subject, device_digest=None, form=version.form, scope=scope, defaults=standing._asdict()
    )
    return event


@dataclass
class World:
    """A person, a private bureau, the purpose, a policy that names both, a rule on consent C3, an agreement."""

    person: DataSubject
    recipient: Recipient
    purpose: Purpose
    version: PolicyVersion
    form: ConsentForm
    text: ConsentFormVersion
    rule: TransferRule | None = None
    agreement: Agreement | None = None

    def question(self, **changed: Any) -> Question:
        asked = {
            "subject": self.person.reference,
            "recipient": self.recipient.code,
            "purpose": self.purpose.code,
            "categories": ("full_name", "iin"),
        }
        return Question(**asked | changed)

    @property
    def scope(self) -> str:
        return f"recipient:{self.recipient.code}" if self.form.scope_kind == ScopeKind.RECIPIENT else ""

    def consents(self, **fields: Any) -> ConsentEvent:
        return happened(self.person, self.text, **{"scope": self.scope} | fields)

    def withdraws(self) -> ConsentEvent:
        return self.consents(kind=EventKind.WITHDRAWN)


def declare(version: PolicyVersion, purpose: Purpose | None = None, **whom: Any) -> None:
    """Tie the purpose, or a recipient or a kind of them, to the first clause of the policy."""
    key = version.clauses.order_by("order").first().key
    if purpose:
        ClauseLink.objects.create(policy=version.policy, clause_key=key, purpose=purpose)
    if whom:
        RecipientClause.objects.create(policy=version.policy, clause_key=key, **whom)


def world(
    *,
    kind: str = "credit_bureau",
    code: str = "pkb",
    country: str = "KZ",
    purpose: str = "credit_history",
    form: str = "C3",
    scope_kind: str = ScopeKind.RECIPIENT,
    direction: str = "outgoing",
    ground: str = "consent",
    declared: bool = True,
    agreement: bool = True,
    **rule: Any,
) -> World:
    """Everything but the person's consent is there; `World.consents()` gives it."""
    if not DataCategory.objects.exists():
        registers.load()
    whom, why = recipient(code, kind, country), consent.purpose(purpose)
    version = PolicyVersion.objects.in_force().first() or published()
    of = consent.form(form, scope_kind=scope_kind)
    text = form_version(of, purposes={purpose: "kk ru"}, recipients={kind: "kk ru"})
    made = World(DataSubjectFactory(email=None), whom, why, version, of, text)
    if declared:
        declare(version, why, kind=kind)
    for category in DataCategory.objects.filter(code__in=CATEGORIES):
        opened(PurposeCategory, purpose=why, category=category)
    on_consent = {"form": of, "written": secret(kind, direction)} if ground == "consent" else {}
    fields = {"categories": list(CATEGORIES), **on_consent, **rule}
    if ground == "law":
        fields.setdefault("article", "56-V art. 21")
    made.rule = opened(TransferRule, recipient=whom, purpose=why, direction=direction, ground=ground, **fields)
    if agreement:
        made.agreement = agree(whom)
    return made


def agree(whom: Recipient, **fields: Any) -> Agreement:
    given = {"number": "7", "valid_from": date(2020, 1, 1), "confidentiality": "5.1", "categories": list(CATEGORIES)}
    return opened(Agreement, recipient=whom, **given | fields)


def listed(code: str, *, adequate: bool) -> Country:
    return opened(Country, code=code, title_ru=code, title_kk=code, title_en=code, adequate=adequate, source="Приказ 1")
