"""Every address of the house, asked by everybody, by GET and by POST; an address nobody wrote down fails (security.md 3.5).

What is expected stands in `url_matrix.py`. Beside the answer, what the database did is looked at: a refusal and a GET
write nothing.
"""

from collections.abc import Iterator
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import NamedTuple

import pytest
from django.contrib import admin
from django.contrib.admin.options import get_content_type_for_model
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from audit.actor import acting_as
from consent import data_lists, ledger, paper, purposes, registers, signing
from consent.import_runs import CONSENTS
from consent.models import (
    Acknowledgement,
    ClauseLink,
    ConsentForm,
    DataList,
    FormServed,
    NoticeServed,
    Purpose,
    PurposeEdition,
    RetentionRule,
    Subscriber,
)
from notifications.delivery import address_mark, not_mine_link
from notifications.models import Campaign, Letter
from policies import registers as policy_registers
from policies.models import PolicyVersion
from staff import opening
from staff import services as staff
from staff.enums import Role
from staff.models import ApiClient, Operator, RoleGrant, SignIn, StaffUser, UndertakingAcceptance
from subjects import deadlines, evidence, import_runs, own_denials, request_files, request_services, vault
from subjects import registers as subject_registers
from subjects import services as subjects
from subjects.admin.request_steps import STEPS as REQUEST_STEPS
from subjects.clock_models import DutyRule
from subjects.models import (
    AmlEntry,
    AutomatedDecision,
    Contract,
    DataCategory,
    DataSubject,
    Death,
    DenialDispute,
    DenylistEntry,
    DocumentSeen,
    HandoverKey,
    IinCorrection,
    LegalHold,
    PersonLink,
    Representative,
    SubjectRequest,
    Verification,
)
from subjects.record_import import RECORDS
from tests.consent import factories as consents
from tests.consent.system import client_and_key
from tests.policies import factories as policies
from tests.staff.conftest import member  # noqa: F401
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory
from tests.subjects.restraints import one_of_each
from tests.transfers import factories as transfers
from tests.url_matrix import ACTORS, GET_WRITES, MATRIX, MAY_WRITE, REFUSALS, SIGN_OUTS
from transfers import demands, processing
from transfers import services as gate
from transfers.decisions import Question
from transfers.file_runs import BATCHES, STATEMENTS
from transfers.models import (
    Agreement,
    Country,
    InboundDemand,
    ProcessingRegister,
    Quarantined,
    RecipientClause,
    RecipientNotice,
    Reconciliation,
    RegistryFile,
    ShadowMode,
    Transfer,
    TransferBatch,
    TransferNotice,
    TransferRule,
)

pytestmark = pytest.mark.django_db


# the buttons on pages of what restrains us
OPENING = ("approve", "decline", "close", "approve-closing", "keep")
STEPS = {
    LegalHold: ("propose-lift", "lift", "keep"),
    DenylistEntry: OPENING,
    AmlEntry: OPENING,
    DenialDispute: ("uphold", "remove"),
    Representative: ("end",),
    PersonLink: ("end",),
    IinCorrection: ("approve", "decline"),
    Death: ("propose-undo", "undo", "keep"),
    Verification: ("correct", "keep"),
    AutomatedDecision: ("uphold", "change"),
}


# what stands in a frame of a page, and what programmers read of the API, in English
NOT_A_PAGE = {"admin:notifications_campaign_preview", "admin:policies_letter", "api:openapi-view"}


class Address(NamedTuple):
    name: str
    path: str


# walking the resolver


def routes(resolver: URLResolver | None = None, space: str = "", before: str = "") -> Iterator[tuple[str, str]]:
    """(name, route) of every pattern; a pattern without a name is called by its route."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, ":".join(filter(None, [space, pattern.namespace])), route)
        elif isinstance(pattern, URLPattern):
            yield (":".join(filter(None, [space, pattern.name])) if pattern.name else route), route


def listed(name: str) -> list[str]:
    """The rows of the table for one pattern: itself, or one for each of its variants, "name[variant]"."""
    return [row for row in MATRIX if row == name or row.startswith(f"{name}[")]


def test_every_address_has_its_row_and_every_row_its_address():
    names = [name for name, _route in routes()]
    assert [name for name in names if not listed(name)] == [], "addresses nobody has written down"
    assert [row for row in MATRIX if row.partition("[")[0] not in names] == [], "rows of addresses that are gone"


def test_every_row_says_what_everybody_gets():
    for row, (get, post) in MATRIX.items():
        assert len(get) == len(post) == len(ACTORS), row


# the world they ask in


# steps of the registers that two people open; "burn" is none
OPENED = {
    PurposeEdition: ("approve", "decline", "burn"),
    RetentionRule: ("approve", "decline", "end", "approve-end", "keep", "burn"),
    DataList: ("approve", "decline", "end", "approve-end", "keep", "burn"),
    HandoverKey: ("approve", "decline", "end", "approve-end", "keep", "burn"),
    **dict.fromkeys(
        (Agreement, Country, TransferRule, ShadowMode), ("approve", "decline", "end", "approve-end", "keep", "burn")
    ),
}


def transfers_of(subject: DataSubject, officer: StaffUser, version: PolicyVersion) -> None:
    """A proposal in every register of transfers, and a transfer that was refused."""
    whom, why = transfers.recipient(), Purpose.objects.get(code="marketing")
    with acting_as(f"officer:{officer.pk}"):
        RecipientClause.objects.create(policy=version.policy, clause_key="1.1", recipient=whom)
        today = timezone.localdate()
        for row in (
            Agreement(recipient=whom, number="1", valid_from=today, confidentiality="4", categories=["iin"]),
            Country(code="DE", title_ru="…", title_kk="…", adequate=True, source="…"),
            TransferRule(
                recipient=whom,
                purpose=why,
                form=ConsentForm.objects.get(code="C3"),
                ground="consent",
                categories=["iin"],
            ),
            ShadowMode(ends_at=timezone.now() + timedelta(days=1)),
        ):
            opening.propose(row, by=officer)
        demands.register(
            kind="court", body="…", letter_number="1", letter_date=today, received_at=timezone.now(), language="kk",
            may_tell=True, due_on=today, by=officer,
        )  # fmt: skip
        batch = import_runs.begin(
            BATCHES, content=b"x", dry_run=False, by=officer, kind="supply", recipient=whom, purpose=why,
            categories=["iin"],
        )  # fmt: skip
        RegistryFile.objects.create(
            batch=batch, format="csv", reason="package_claim", language="ru", rows_total=1, started_by=officer
        )
        import_runs.begin(STATEMENTS, content=b"x", dry_run=False, by=officer, recipient=whom, since=today, until=today)
    with acting_as("job:fixture"):
        asked = gate.authorise(question=Question(subject.reference, whom.code, why.code, ("iin",))).transfer
        RecipientNotice.objects.create(
            recipient=whom, subject=subject, reason="corrected", cause="a", categories=["iin"], transfers=[]
        )
        notice = TransferNotice.objects.create(subject=subject, day=today, transfers=1)
        deadlines.start(rule_code="TRANSFER_NOTICE", about=notice.about, at=timezone.now())
        sealed = evidence.seal(subject=subject, what="transfers.quarantine", parts={"value": "…"})
        Quarantined.objects.create(transfer=asked, subject=subject, category="salary_amount", sealed=sealed)


def sign_the_register(dpo: StaffUser) -> None:
    with acting_as(f"officer:{dpo.pk}"):
        processing.sign(by=dpo, sha256=processing.digest(processing.build()))


def request_of(subject: DataSubject, officer: StaffUser) -> None:
    """A granted request with a file, whose work waits."""
    with acting_as(f"subject:{subject.public_id}"):
        row = request_services.register(subject=subject, kinds=["access"], channel="cabinet", language="kk", text="…")
        request_files.attach(request=row, kind="evidence", content=b"%PDF-1.7 %%EOF")
    with acting_as(f"officer:{officer.pk}"):
        request_services.take_up(request=row, by=officer)
        request_services.decide(request=row, by=officer)


def propose_one_of_each(officer: StaffUser, version: PolicyVersion) -> None:
    """A proposal in every register of consent, and a link of a clause."""
    with acting_as(f"officer:{officer.pk}"):
        edition = purposes.edition_of(Purpose.objects.get(code="marketing"))
        edition.article = "508-II"
        purposes.propose(edition, by=officer)
        rule = RetentionRule(code="new", title_ru="…", title_kk="…", retention_class="loan", duration="P1Y")
        rule.starts_on = "collected"
        opening.propose(rule, by=officer)
        order = DataList(number=1, order_number="1", order_date=timezone.localdate())
        data_lists.propose(order, categories=DataCategory.objects.all(), by=officer)
        ClauseLink.objects.create(policy=version.policy, clause_key="1.1", purpose=Purpose.objects.first())
        site = HandoverKey(
            issuer="site",
            key_id="1",
            public_key="Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE",
            origin="https://my.example.kz",
        )
        opening.propose(site, by=officer)


@pytest.fixture
def world(member, tmp_path, settings, monkeypatch):  # noqa: F811
    """Rows of every model, people of every role; customer A asks, what stands in addresses is B's."""
    # the list of registers beside a page is a third of it, and the home page's list over again
    monkeypatch.setattr(admin.site, "enable_nav_sidebar", False)
    Operator.objects.create(pk=1, name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    people = {str(role): member(role, username=f"the-{role}") for role in Role}
    people["newcomer"] = member(Role.OFFICER, username="the-newcomer")
    staff.publish_undertaking(text_kk="…", text_ru="…", by=None)
    for name, user in people.items():
        if name != "newcomer":
            with acting_as(f"officer:{user.pk}"):
                staff.accept_undertaking(user=user, language="ru", version_expected=1)
    a = DataSubjectFactory(iin="850314390019")
    b = DataSubjectFactory(iin="921130490023")
    c = DataSubjectFactory(email=None)
    version = policies.published_version(significant=True)
    policies.draft(by=policies.author())
    with acting_as("job:fixture"):
        letter = Letter.objects.get(subject=b)
        subjects.dispute_address(letter_id=letter.pk, mark=address_mark(letter.pk, f"person{b.pk}@example.kz"))
        served = NoticeServed.objects.create(subject=b, version=version, language="kk", sha256="0" * 64)
        Acknowledgement.objects.create(
            subject=b, version=version, served=served, answer="read", language="kk", sha256="0" * 64
        )
        vault.own_values(subject=b, page="home")
        run = import_runs.start(content=b"x", dry_run=True, language="kk", by=people[Role.OFFICER])
        import_runs.begin(RECORDS, content=b"x", dry_run=True, by=people[Role.OFFICER], what="values")
        import_runs.begin(CONSENTS, content=b"x", dry_run=True, by=people[Role.OFFICER])
        SignIn.objects.create(outcome="refused", name_digest=b"x" * 16)
        api_client, _key = client_and_key("loans")
        Subscriber.objects.create(client=api_client)
        advert = consents.version(consents.form("C8"))
    with acting_as("command:load_registers@test"):
        subject_registers.load_clock()
        policy_registers.load()
        registers.load()
    with acting_as("job:fixture"):
        deadlines.start(rule_code="ACCESS", about="subjects.SubjectRequest:999999", at=timezone.now())
        signing.ensure_key()
        refused = consents.refused(c, consents.version(consents.form("C9")))
        scan = paper.store(subject=b, content=b"%PDF-1.7 %%EOF")
        one_of_each(b, a)
    request_of(b, people[Role.OFFICER])
    propose_one_of_each(people[Role.OFFICER], version)
    transfers_of(b, people[Role.OFFICER], version)
    sign_the_register(people[Role.DPO])
    clerk = people[Role.OPERATOR]
    with acting_as(f"officer:{clerk.pk}"):
        typed = ledger.record_paper(
            subject=b, version=advert, language="kk", occurred_at=advert.approved_at, by=clerk, scan=scan
        )
    return {
        "a": a, "b": b, "c": c, "people": people, "letter": letter, "run": run, "version": version, "typed": typed,
        "refused": refused,
    }  # fmt: skip


def sample_of(world: dict, model) -> object:
    """A row of the model: B's, or a colleague's."""
    of_b = {
        DataSubject: world["b"],
        Letter: world["letter"],
        RoleGrant: RoleGrant.objects.first(),
        PolicyVersion: PolicyVersion.objects.latest("number"),
        UndertakingAcceptance: UndertakingAcceptance.objects.first(),
        type(world["people"][Role.OPERATOR]): world["people"][Role.OPERATOR],
    }
    return of_b.get(model) or model._default_manager.order_by("pk").first()


def addresses(world: dict) -> list[Address]:
    """Every pattern with sample arguments, in the order of the resolver."""
    from django.contrib import admin
    from django.urls import reverse

    b, version, draft = world["b"], world["version"], PolicyVersion.objects.latest("number")
    token = not_mine_link(world["letter"], "another@example.kz").rstrip("/").rpartition("/")[2]
    colleague, campaign = world["people"][Role.OPERATOR].pk, Campaign.objects.get().pk
    code, asked = version.policy.code, SubjectRequest.objects.get()
    ours: dict[str, list[tuple[str, dict | list]]] = {
        "staff:set-password": [("", ["Mg", "none-none"])],
        "admin:view_on_site": [("", [get_content_type_for_model(b).pk, b.pk])],
        "admin:app_list": [("", {"app_label": "subjects"})],
        "admin:staff_step": [
            (step, {"pk": colleague, "step": step})
            for step in ("give-role", "take-role", "send-link", "deactivate", "reactivate", "burn")
        ],
        "admin:notifications_campaign_act": [
            (act, {"pk": campaign, "act": act}) for act in ("pause", "resume", "cancel", "burn")
        ],
        "admin:notifications_campaign_test": [("", {"pk": campaign})],
        "admin:notifications_campaign_preview": [("", {"pk": campaign, "language": "kk"})],
        "admin:notifications_requeue": [("", {"pk": world["letter"].pk})],
        "admin:subjects_reveal": [("", {"pk": b.pk, "value_pk": b.values.first().pk})],
        "admin:subjects_file": [("", {"pk": b.pk})],
        "admin:subjects_paper_code": [("", {"pk": world["c"].pk}), ("has e-mail", {"pk": world["a"].pk})],
        "admin:subjects_email": [("", {"pk": b.pk, "value_pk": b.tasks.get().address.value_id})],
        "admin:subjects_record": [
            ("", {"pk": b.pk, "category": "employer"}),
            ("e-mail", {"pk": b.pk, "category": "email"}),
        ],
        "admin:subjects_found": [("", {"pk": Verification.objects.get().pk})],
        "admin:subjects_dispute": [("", {"pk": DenylistEntry.objects.get().pk})],
        "admin:subjects_denylistentry_note": [("", {"pk": DenylistEntry.objects.get().pk})],
        "admin:subjects_amlentry_note": [("", {"pk": AmlEntry.objects.get().pk})],
        **{
            f"admin:subjects_{model._meta.model_name}_step": [
                (step, {"pk": model.objects.get().pk, "step": step}) for step in (*steps, "burn")
            ]
            for model, steps in STEPS.items()
        },
        "admin:subjects_request_step": [
            (step, {"pk": asked.pk, "step": step}) for step in (*(one.name for one in REQUEST_STEPS), "burn")
        ],
        "admin:subjects_request_item": [("", {"pk": asked.pk, "item_pk": asked.items.get().pk})],
        "admin:subjects_request_words": [("", {"pk": asked.pk})],
        "admin:subjects_request_file": [("", {"pk": asked.pk, "file_pk": asked.files.get().pk})],
        "admin:subjects_request_pdf": [("", {"pk": asked.pk})],
        **{
            f"cabinet:{page}": [("", {"public_id": asked.public_id})]
            for page in ("request", "request-attach", "request-answer", "request-pdf")
        },
        "cabinet:request-file": [("", {"public_id": asked.public_id, "file_id": asked.files.get().public_id})],
        "admin:subjects_documentseen_step": [("", {"pk": DocumentSeen.objects.first().pk, "step": "burn"})],
        "admin:subjects_contract_step": [("", {"pk": Contract.objects.first().pk, "step": "burn"})],
        "admin:subjects_contract_state": [("", {"pk": Contract.objects.first().pk})],
        "admin:subjects_heir": [("", {"pk": Death.objects.get().pk})],
        "admin:subjects_of_age": [("", {"pk": b.pk})],
        "admin:subjects_email_add": [("", {"pk": world["c"].pk})],
        "admin:subjects_calendar": [("", {"year": timezone.localdate().year})],
        "admin:subjects_dutyrule_step": [
            (step, {"pk": DutyRule.objects.first().pk, "step": step})
            for step in ("approve", "decline", "end", "approve-end", "keep", "burn")
        ],
        "admin:subjects_settle": [("", {"pk": b.tasks.get().pk})],
        "admin:policies_letter": [
            ("", {"pk": version.pk, "language": "kk"}),
            ("silent", {"pk": draft.pk, "language": "kk"}),
        ],
        "admin:policies_test_letter": [("", {"pk": version.pk})],
        "admin:policies_step": [
            (step, {"pk": draft.pk, "step": step})
            for step in ("submit", "request-changes", "approve", "publish", "archive")
        ],
        "policies:current": [("", {"code": code})],
        "policies:versions": [("", {"code": code})],
        "policies:version": [("", {"code": code, "number": 1}), ("draft", {"code": code, "number": draft.number})],
        "policies:changes": [("", {"code": code, "number": 1})],
        "policies:changes-since": [("", {"code": code, "number": 1, "since": 1})],
        "policies:source": [
            ("", {"code": code, "number": 1, "language": "kk"}),
            ("draft", {"code": code, "number": draft.number, "language": "kk"}),
        ],
        "cabinet:denial": [("", {"handle": own_denials.of(b)[0].handle})],
        "cabinet:not-mine": [("", {"token": token}), ("forged", {"token": token[:-2]})],
        "consent:changed": [("", {"code": code})],
        **{f"consent:{page}": [("", {"code": "C8"})] for page in ("form", "give", "withdraw")},
        "admin:consent_ask": [("", {"code": "C8"})],
        "admin:consent_receipt": [("", {"public_id": world["refused"].public_id})],
        "consent:receipt": [("", {"public_id": world["refused"].public_id, "format": "json"})],
        "admin:consent_form_draft": [("", {"pk": world["typed"].form_id})],
        "admin:consent_form_step": [
            (step, {"pk": world["typed"].version_id, "step": step})
            for step in ("submit", "approve", "send-back", "give-up", "burn")
        ],
        "admin:consent_clauses_of_purpose": [("", {"pk": Purpose.objects.first().pk})],
        "admin:consent_clauses_of_category": [("", {"pk": DataCategory.objects.first().pk})],
        **{
            f"admin:{model._meta.app_label}_{model._meta.model_name}_step": [
                (step, {"pk": model.objects.get(in_force_during=None).pk, "step": step}) for step in opened
            ]
            for model, opened in OPENED.items()
        },
        "admin:transfers_agreement_file": [("", {"pk": Agreement.objects.get().pk})],
        "admin:transfers_recipient_letter": [("", {"pk": RecipientNotice.objects.get().pk})],
        "admin:transfers_recipient_sent": [("", {"pk": RecipientNotice.objects.get().pk})],
        "admin:transfers_recipient_confirmed": [("", {"pk": RecipientNotice.objects.get().pk})],
        "admin:transfers_told": [("", {"pk": TransferNotice.objects.get().pk})],
        "admin:transfers_quarantine": [
            (fate, {"pk": Quarantined.objects.get().pk, "fate": fate}) for fate in ("destroy", "take", "burn")
        ],
        "admin:transfers_processing_now": [("", {"language": "kk", "kind": "xlsx"})],
        "admin:transfers_processing_file": [
            ("", {"pk": ProcessingRegister.objects.get().pk, "language": "kk", "kind": "xlsx"}),
        ],
        "admin:transfers_again": [("", {"pk": Transfer.objects.get().pk})],
        "admin:transfers_package": [("", {"pk": Transfer.objects.get().pk})],
        "admin:transfers_inbounddemand_step": [
            (step, {"pk": InboundDemand.objects.get().pk, "step": step})
            for step in ("grant", "approve", "send-back", "close", "burn")
        ],
        **{
            f"admin:transfers_demand_{page}": [("", {"pk": InboundDemand.objects.get().pk})]
            for page in ("amend", "refuse", "answer", "file", "letter")
        },
        **{
            f"admin:transfers_batch_{page}": [("", {"pk": TransferBatch.objects.get().pk})]
            for page in ("confirm", "assign", "told", "give_up", "result", "registry")
        },
        "admin:transfers_batch_file": [
            ("", {"pk": TransferBatch.objects.get().pk, "file": RegistryFile.objects.get().pk})
        ],
        "admin:transfers_reconciliation_report": [("", {"pk": Reconciliation.objects.get().pk})],
        "admin:consent_confirm": [("", {"pk": world["typed"].pk})],
        "admin:consent_scan": [("", {"pk": world["typed"].scan_id})],
        "admin:consent_record": [("", {"pk": b.pk})],
        "admin:consent_record_withdrawal": [("", {"pk": b.pk})],
        "admin:consent_known_twice": [("", {"pk": b.pk})],
        "consent:answer": [("", {"code": code})],
        "admin:staff_api_renew": [("", {"pk": ApiClient.objects.get().pk})],
        "admin:staff_api_revoke": [("", {"pk": ApiClient.objects.get().pk})],
        "admin:consent_subscriber_secret": [("", {"pk": Subscriber.objects.get().pk})],
        "api:upsert_subject": [("", {"client_number": "17"})],
        "api:put_values": [("", {"ref": str(b), "category": "employer"})],
        "api:verify": [("", {"ref": str(b), "category": "employer"})],
        "api:put_holding": [("", {"ref": str(b), "category": "ip_address"})],
        "api:read_denylist": [("", {"ref": str(b)})],
        "api:read_monitoring": [("", {"ref": str(b)})],
        "api:put_decision": [("", {"ref": str(b), "number": "1"})],
        "api:ask_review": [("", {"ref": str(b), "number": "1"})],
        "api:receive": [("", {"public_id": "00000000-0000-4000-8000-000000000000"})],
        "api:release": [("", {"public_id": "00000000-0000-4000-8000-000000000000"})],
        "api:tell_request": [("", {"ref": str(b)})],
        "api:read_requests": [("", {"ref": str(b)})],
        "api:read_request": [("", {"id": asked.public_id})],
        "api:put_link": [("", {"ref": str(b), "kind": "spouse"})],
        "api:put_application": [("", {"ref": str(b), "number": "1"})],
        "api:put_contract": [("", {"ref": str(b), "number": "1"})],
        "api:form": [("", {"code": "C1"})],
        "api:serve": [("", {"ref": str(b), "code": "C1"})],
        "api:consents": [("", {"ref": str(b)})],
        "api:read_grounds": [("", {"ref": str(b)})],
        "api:withdraw": [("", {"ref": str(b)})],
        "demo:letter": [("", {"name": "20261123T000000.000000Z-000001-1"})],
        "demo:letter-html": [("", {"name": "20261123T000000.000000Z-000001-1"})],
    }
    models = {f"{m._meta.app_label}_{m._meta.model_name}": m for m in admin.site._registry}
    samples = {model: sample_of(world, model) for model in models.values()}
    found = []
    for name, route in routes():
        if name == route and name.startswith("admin/"):  # the admin's nameless redirects
            found.append(
                Address(name, "/admin/nothing/" if "url" in name else "/" + route.replace("<path:object_id>", "1"))
            )
            continue
        key, _sign, page = name.removeprefix("admin:").rpartition("_")
        if name.startswith("admin:") and page == "history" and key.endswith("_simple"):
            key, page = key.removesuffix("_simple"), "simple_history"
        if name.startswith("admin:") and key in models and name not in ours:
            row = samples[models[key]]
            arguments = [] if page in ("changelist", "add") else [row.pk]
            if page == "simple_history":
                arguments.append(row.history.latest().pk)
            found.append(Address(name, reverse(name, args=arguments)))
            continue
        for variant, given in ours.get(name, [("", [])]):
            values = {"kwargs": given} if isinstance(given, dict) else {"args": given}
            found.append(Address(f"{name}[{variant}]" if variant else name, reverse(name, **values)))
    return found


# asking


def told(response: HttpResponse) -> str:
    """The answer as one sign of the table."""
    if response.status_code in (301, 302):
        where = response.url
        for sign, start in (
            ("L", "/admin/login/"),
            ("U", "/admin/staff/undertaking/accept/"),
            ("D", "/cabinet/sign-in/"),
        ):
            if where.startswith(start):
                return sign
        return ">"
    return {200: ".", 400: "0", 401: "1", 403: "3", 404: "4", 405: "5", 409: "9", 422: "2", 503: "W"}.get(
        response.status_code, "!"
    )


COUNTED = "pg_stat_get_xact_tuples_{0}(oid)"
WRITTEN = " + ".join(COUNTED.format(what) for what in ("inserted", "updated", "deleted"))


def written() -> dict[str, int]:
    """{table: rows written since the transaction began}; a rollback to a savepoint does not take them back.

    It is what pg_stat_xact_user_tables adds up, without the joins of that view.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT relname, {WRITTEN} FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            f" AND {WRITTEN} > 0 AND relname <> 'django_session'"
        )
        return dict(cursor.fetchall())


def at(actor: str, world: dict) -> Client:
    if actor == "anonymous":
        return Client()
    if actor == "customer":
        return inside(world["a"])
    client = Client()
    client.force_login(world["people"][actor])
    return client


def jar(client: Client) -> dict[str, str]:
    """The cookies the browser came with; an answer may take them away."""
    return {name: morsel.value for name, morsel in client.cookies.items()}


class Undone(Exception):
    """Takes back what a request did."""


def amiss(response: HttpResponse) -> str:
    """What a page lacks: the switch of languages, which every page has, or the strict policy of content."""
    if not response.get("Content-Type", "").startswith("text/html") or response.status_code in (302, 405):
        return ""
    if "unsafe" in response["Content-Security-Policy"]:
        return "its Content-Security-Policy is not strict"
    return "" if 'class="languages"' in response.content.decode() else "no switch of languages"


class Asking:
    """Asks in a browser; what the database did is counted between two requests, once."""

    def __init__(self, client: Client) -> None:
        self.client, self.kept, self.before = client, jar(client), written()
        client.raise_request_exception = False

    def ask(self, method: str, path: str) -> tuple[str, set[str], str]:
        """(sign, tables written, what the page lacks), as if it had not been asked."""
        self.client.cookies = SimpleCookie(self.kept)
        answer = lacks = ""
        try:
            with transaction.atomic():
                response = getattr(self.client, method)(path)
                answer, lacks = told(response), amiss(response) if method == "get" else ""
                raise Undone
        except Undone:
            pass
        before, self.before = self.before, written()
        return answer, {table for table in self.before if self.before[table] != before.get(table)}, lacks


@pytest.mark.parametrize("actor", ACTORS)
def test_everybody_gets_what_the_table_says_and_a_refusal_writes_nothing(actor, world):
    column, wrong = ACTORS.index(actor), []
    asking = Asking(at(actor, world))
    for name, path in addresses(world):
        for method, expected in zip(("get", "post"), MATRIX[name], strict=True):
            sign, tables, lacks = asking.ask(method, path)
            if sign != expected[column]:
                wrong.append(f"{method} {name}: {sign}, not {expected[column]}")
            if lacks and name not in NOT_A_PAGE:
                wrong.append(f"get {name}: {lacks}")
            if method == "get":
                allowed = GET_WRITES.get(name, set())
            else:
                allowed = set() if sign in REFUSALS else MAY_WRITE[actor]
            if tables - allowed and name not in SIGN_OUTS:
                wrong.append(f"{method} {name}: {sign}, yet {sorted(tables)} were written")
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("actor", ["anonymous", "customer", "dpo"])
def test_head_is_as_get(actor, world):
    asking, wrong = Asking(at(actor, world)), []
    for name, path in addresses(world):
        sign, tables, _lacks = asking.ask("head", path)
        as_get = name == "admin:login" or sign == MATRIX[name][0][ACTORS.index(actor)]  # stock: asks for GET by name
        if not as_get or tables:
            wrong.append(f"{name}: {sign} {sorted(tables)}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_address_of_the_cabinet_names_a_person_or_a_row():
    """The session says whose pages they are; what a form carries is checked against it (security.md S5)."""
    named = {name: route for name, route in routes() if route.startswith("cabinet/") and "<" in route}
    assert named == {
        "cabinet:not-mine": "cabinet/not-mine/<str:token>/",  # signed; whoever holds the letter holds it
        # of an entry of the denylist, by a digest of its number; looked for among the person's own
        "cabinet:denial": "cabinet/denylist/<uuid:handle>/",
        # of a request; looked for among the person's own and those they make for others
        "cabinet:request": "cabinet/requests/<uuid:public_id>/",
        "cabinet:request-attach": "cabinet/requests/<uuid:public_id>/attach/",
        "cabinet:request-answer": "cabinet/requests/<uuid:public_id>/answer/",
        "cabinet:request-pdf": "cabinet/requests/<uuid:public_id>/answer.pdf",
        "cabinet:request-file": "cabinet/requests/<uuid:public_id>/files/<uuid:file_id>/",
        "consent:changed": "cabinet/policy/<slug:code>/",
        "consent:answer": "cabinet/policy/<slug:code>/answer/",
        # of an act of the person; looked for among their own
        "consent:receipt": "cabinet/receipts/<uuid:public_id>.<str:format>",
        # of a form, C1 to C12; what it is about is looked for among the person's own
        "consent:form": "cabinet/consents/<slug:code>/",
        "consent:give": "cabinet/consents/<slug:code>/answer/",
        "consent:withdraw": "cabinet/consents/<slug:code>/withdraw/",
    }


def test_a_customer_who_names_rows_of_another_finds_nothing(world):
    a, b = world["a"], world["b"]
    theirs = b.notices_served.get()
    client = inside(a)
    for answer in ("read", "disagrees"):
        form = {"served": theirs.pk, "version": world["version"].number, "answer": answer}
        assert client.post("/cabinet/policy/personal-data/answer/", form).status_code == 404
    for extra in ({"subject": b.pk}, {"public_id": b.public_id}, {"id": b.pk}):
        client.post("/cabinet/language/", {"language": "en", **extra})
        assert str(b) not in client.get("/cabinet/answers/", extra).content.decode()
    typed = world["typed"]
    shown = FormServed.objects.create(subject=b, version=typed.version, language="kk", sha256="0" * 64)
    form = {"served": shown.pk, "version": typed.version.number, "answer": "give"}
    assert client.post("/cabinet/consents/C8/answer/", form).status_code == 404
    client.post("/cabinet/consents/C8/withdraw/", {"subject": b.pk, "about": ""})
    assert b.consent_events.get() == typed
    assert not a.consent_events.exists()
    b.refresh_from_db()
    assert b.language == "kk"
    assert not a.acknowledgements.exists()
    theirs = f"/cabinet/denylist/{own_denials.of(b)[0].handle}/"
    disputes = DenialDispute.objects.count()
    for answer in (client.get(theirs), client.post(theirs, {"statement": "…"})):
        assert answer.status_code == 404
    assert DenialDispute.objects.count() == disputes
    assert b.acknowledgements.count() == 1
