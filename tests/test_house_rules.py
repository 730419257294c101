"""The rules of DESIGN 3-7 about models and their pages, looked up in the database where they must hold.

Rules about sources: test_house_sources.py.
"""

import re

import pgtrigger
import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, models

from audit.admin import GuardedAdmin, HistoryAdmin
from audit.history import is_tracked
from audit.models import Event

HOUSE = ("config", "transfers", "consent", "policies", "subjects", "notifications", "staff", "audit")
OURS = [config.label for config in apps.get_app_configs() if config.label in HOUSE]

TRACKED = {
    "staff.Operator", "staff.StaffUser", "staff.RoleGrant", "staff.Undertaking",
    "staff.ApiClient", "consent.Subscriber", "consent.ReceiptKey",
    "notifications.Campaign",
    "subjects.DataSubject", "subjects.DataCategory", "subjects.PersonalData", "subjects.SubjectImport", "subjects.Task",
    "subjects.RecordImport", "subjects.IinCorrection", "subjects.Death",
    "subjects.Application", "subjects.Contract", "subjects.Verification", "subjects.AutomatedDecision",
    "subjects.LegalHold", "subjects.DenylistEntry", "subjects.AmlEntry", "subjects.DenialDispute",
    "subjects.Representative", "subjects.PersonLink",
    "subjects.SourceSystem", "subjects.SystemCategory", "subjects.TechnicalHolding",
    "subjects.DutyRule", "subjects.CalendarDay", "subjects.Deadline",
    "subjects.SubjectRequest", "subjects.RequestItem", "subjects.HandoverKey",
    "policies.Policy", "policies.PolicyVersion", "policies.PolicySource", "policies.Clause", "policies.Finding",
    "policies.LegalAct",
    "consent.Purpose", "consent.PurposeEdition", "consent.PurposeCategory", "consent.ClauseLink",
    "consent.DataList", "consent.DataListEntry", "consent.ConsentImport",
    "consent.RetentionRule", "consent.ConsentForm", "consent.ConsentFormVersion", "consent.FormItem", "consent.Objection",
    "transfers.Recipient", "transfers.RecipientClause", "transfers.Agreement", "transfers.Country",
    "transfers.TransferRule", "transfers.ShadowMode", "transfers.RecipientNotice", "transfers.Quarantined",
    "transfers.InboundDemand",
    "transfers.TransferBatch", "transfers.Reconciliation", "transfers.RegistryFile",
}  # fmt: skip
EVENTS = {
    "audit.AccessRecord",
    "staff.UndertakingAcceptance", "staff.SignIn",
    "notifications.DeliveryEvent",
    "subjects.CabinetEvent", "subjects.Suppression", "subjects.DocumentSeen",
    "subjects.RequestFile", "subjects.RequestNote", "subjects.PlannedDestruction",
    "consent.NoticeServed", "consent.Acknowledgement",
    "consent.FormServed", "consent.Scan", "consent.ConsentEvent",
    "transfers.Transfer", "transfers.Release", "transfers.AgreementFile", "transfers.DemandFile",
    "transfers.TransferNotice", "transfers.ProcessingRegister",
    "transfers.DemandLetter", "transfers.BatchRow", "transfers.BatchOutcome", "transfers.ReconciliationRow",
}  # fmt: skip
EXEMPT = {
    "notifications.Letter": "a queue; what became of a letter is in DeliveryEvent",
    "notifications.Heartbeat": "a pulse, nobody's act",
    "staff.ApiAllowance": "a counter of a rate limit",
    "staff.IdempotentAnswer": "kept a day for repetition; what was done is in the events",
    "consent.ConsentState": "derived from ConsentEvent; rebuild_consent_states proves it",
    "consent.Change": "tells of ConsentEvent and DataSubject what their rows say; numbered once, else append-only",
    "subjects.SubjectKey": "a history of keys would undo their destruction",
    "subjects.SearchKey": "derived from PersonalData and deleted with its class",
    "subjects.DisputedAddress": "holds a digest while a dispute is open; who and when is in Task and DeliveryEvent",
    "subjects.SignInCode": "short-lived; what happened at the door is in CabinetEvent",
    "subjects.CabinetSession": "as a session of the browser; that it began or was ended is in CabinetEvent",
    "subjects.TextMessage": "a queue; what it was about is where its cause points",
    "transfers.RegistryPart": "ciphertext kept a day; that it was made is in RegistryFile, that it was taken in AccessRecord",
    "subjects.HandoverUse": "kept only while a clock might take the token again; who came in is in CabinetEvent",
}
# `x_by` without a CheckConstraint that binds it to `x_at`, and why
UNPAIRED = {
    ("policies.PolicyVersion", "created"): "created_at is the database's; a command may create without an officer",
    ("subjects.SubjectImport", "started"): "started_at is the database's; a command may import without an officer",
    ("subjects.RecordImport", "started"): "started_at is the database's, the officer is the upload's",
    ("consent.ConsentImport", "started"): "started_at is the database's, the officer is the upload's",
    ("transfers.TransferBatch", "started"): "started_at is the database's, the officer is the upload's",
    ("transfers.RegistryFile", "started"): "both are always there: started_at is the database's",
    ("transfers.Reconciliation", "started"): "started_at is the database's, the officer is the upload's",
    ("subjects.SubjectRequest", "identified"): "in the cabinet its door establishes who asks, and no officer does",
    ("staff.RoleGrant", "granted"): "the moment is the lower end of `during`; the first grant has no giver",
    ("staff.RoleGrant", "revoked"): "the moment is the upper end of `during`",
}
# the texts that may stand in a __str__: codes, names of staff and of our organisation, never a subject's
IN_STR = {
    "audit.AccessRecord": {"door"},
    "staff.Operator": {"name_ru"},
    "staff.StaffUser": {"username"},
    "staff.RoleGrant": {"role"},
    "staff.SignIn": {"outcome"},
    "staff.ApiClient": {"code"},
    "notifications.Campaign": {"kind", "cause"},
    "notifications.Letter": {"kind", "cause"},
    "notifications.DeliveryEvent": {"kind"},
    "notifications.Heartbeat": {"name"},
    "subjects.SubjectKey": {"retention_class"},
    "subjects.DataCategory": {"code", "title", "title_kk", "title_ru", "title_en"},
    "subjects.SearchKey": {"kind"},
    "subjects.CabinetEvent": {"kind"},
    "subjects.Task": {"kind"},
    "subjects.DutyRule": {"code"},
    "subjects.HandoverKey": {"issuer", "key_id"},
    "subjects.TextMessage": {"kind"},
    "subjects.SourceSystem": {"code", "title", "title_kk", "title_ru", "title_en"},
    "subjects.Suppression": {"kind"},
    "policies.Policy": {"code", "title", "title_kk", "title_ru", "title_en"},
    "policies.PolicySource": {"language"},
    "policies.Clause": {"key"},
    "policies.Finding": {"code"},
    "policies.LegalAct": {"number"},
    "consent.Acknowledgement": {"answer"},
    "consent.Purpose": {"code", "title", "title_kk", "title_ru", "title_en"},
    "consent.PurposeEdition": {"code", "title", "title_kk", "title_ru", "title_en"},
    "consent.ClauseLink": {"clause_key"},
    "consent.RetentionRule": {"code", "title", "title_kk", "title_ru", "title_en"},
    "consent.ConsentForm": {"code", "title", "title_kk", "title_ru", "title_en"},
    "consent.ConsentFormVersion": {"code"},
    "consent.FormItem": {"kind", "recipient_kind"},
    "consent.Scan": {"media_type", "sha256"},
    "consent.ConsentEvent": {"kind"},
    "consent.ConsentState": {"state", "scope"},
    "consent.ReceiptKey": {"key_id"},
    "transfers.Recipient": {"code", "title", "title_kk", "title_ru", "title_en"},
    "transfers.RecipientClause": {"clause_key"},
    "transfers.Agreement": {"number"},
    "transfers.Country": {"code", "title", "title_kk", "title_ru", "title_en"},
}


def house_models() -> list[type[models.Model]]:
    return [m for m in apps.get_models() if m._meta.app_label in OURS and not hasattr(m, "history_object")]


def by_label(model: type[models.Model]) -> str:
    return model._meta.label


every_model = pytest.mark.parametrize("model", house_models(), ids=by_label)


def test_every_model_is_tracked_an_event_or_exempt_with_a_reason():
    assert {by_label(m) for m in house_models()} == TRACKED | EVENTS | set(EXEMPT)
    assert not TRACKED & EVENTS
    assert not (TRACKED | EVENTS) & set(EXEMPT)
    assert {by_label(m) for m in house_models() if is_tracked(m)} == TRACKED
    assert {by_label(m) for m in house_models() if issubclass(m, Event)} == EVENTS


@every_model
def test_no_field_takes_the_column_of_a_stamp(model):
    """A foreign key called `request` has the column `request_id`, which histories and events fill themselves."""
    columns = [field.column for field in model._meta.concrete_fields]
    stamp = {"request_id", "actor", "txid", "db_user", "history_id", "history_date", "history_user_id"}
    assert len(columns) == len(set(columns))
    if is_tracked(model):
        assert not stamp & set(columns)


def standing(table: str) -> dict[str, str]:
    """{trigger: the body of its function} of the enabled triggers that stand in the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
            " WHERE t.tgrelid = %s::regclass AND NOT t.tgisinternal AND t.tgenabled = 'O'",
            [f'"{table}"'],
        )
        return dict(cursor.fetchall())


def demanded(model: type[models.Model]) -> set[str]:
    if is_tracked(model):
        return {"history_insert", "history_update", "history_delete", "no_truncate", "frozen_key"}
    if issubclass(model, Event):
        return {"event_stamp", "append_only", "no_truncate"}
    return {"append_only", "no_truncate"} if hasattr(model, "history_object") else set()


@pytest.mark.django_db
@every_model
def test_the_protecting_triggers_stand_in_the_database_and_cannot_be_skipped(model):
    for guarded in [model, *([model.history.model] if is_tracked(model) else [])]:
        registered = {t.name: t.get_pgid(m) for m, t in pgtrigger.registered() if m is guarded}
        assert demanded(guarded) <= set(registered)
        bodies = standing(guarded._meta.db_table)
        assert set(registered.values()) == set(bodies)
        for name, body in bodies.items():
            assert "ignore" not in body.lower(), f"{name} can be skipped"


def names_in(condition: models.Q) -> set[str]:
    found = set()
    for child in condition.children:
        found |= names_in(child) if isinstance(child, models.Q) else {child[0].split("__")[0]}
    return found


@every_model
def test_who_and_when_are_a_pair_and_a_constraint_knows_it(model):
    names = {field.name for field in model._meta.concrete_fields}
    bound = [names_in(c.condition) for c in model._meta.constraints if isinstance(c, models.CheckConstraint)]
    for by in (name for name in names if name.endswith("_by")):
        act = by.removesuffix("_by")
        if (by_label(model), act) in UNPAIRED:
            continue
        assert f"{act}_at" in names, f"{by} without {act}_at"
        assert {by, f"{act}_at"} in bound, f"no CheckConstraint binds {by} and {act}_at and nothing else"


def test_no_exception_outlives_its_reason():
    known = {by_label(m) for m in house_models()}
    assert set(IN_STR) <= known
    assert {label for label, _act in UNPAIRED} <= known
    for label, act in UNPAIRED:
        apps.get_model(label)._meta.get_field(f"{act}_by")


def with_canaries(model: type[models.Model], depth: int = 3) -> models.Model:
    """An instance whose every text says which field it is, related rows too."""
    obj = model()
    for field in model._meta.concrete_fields:
        if isinstance(field, models.CharField | models.TextField) and not field.generated:
            obj.__dict__[field.attname] = f"canary:{by_label(model)}:{field.name}:"
        elif isinstance(field, models.BinaryField):
            obj.__dict__[field.attname] = b"canary:sealed:"
        elif field.is_relation and depth:
            setattr(obj, field.name, with_canaries(field.related_model, depth - 1))
        elif field.primary_key:
            obj.__dict__[field.attname] = 7
    return obj


@every_model
def test_what_a_row_is_called_says_nothing_of_a_person(model):
    allowed = {f"{label}:{name}" for label, names in IN_STR.items() for name in names}
    for said in (str(with_canaries(model)), repr(with_canaries(model))):
        assert set(re.findall(r"canary:([^:]*:[^:]*):", said)) <= allowed


def test_a_talkative_name_would_be_caught(monkeypatch):
    from subjects.models import DataSubject, SearchKey

    monkeypatch.setattr(SearchKey, "__str__", lambda self: f"{self.hint} {self.kind}")
    with pytest.raises(AssertionError):
        test_what_a_row_is_called_says_nothing_of_a_person(SearchKey)
    assert "canary" not in str(with_canaries(DataSubject))


# admin


def house_admins() -> list[admin.ModelAdmin]:
    return [a for model, a in admin.site._registry.items() if model._meta.app_label in OURS]


@pytest.mark.parametrize("page", house_admins(), ids=lambda page: page.opts.label)
def test_every_list_has_an_allow_list_and_every_tracked_model_its_history(page):
    assert isinstance(page, GuardedAdmin), "stock Django admin answers ?field__startswith="
    assert page.show_full_result_count is False
    assert not page.date_hierarchy
    assert not [
        name for name in page.allowed_lookups if re.search(r"__(i?(contains|startswith|endswith|regex)|in)$", name)
    ]
    assert not [
        n
        for n in page.search_fields or ()
        if n[0] not in "=" and type(page).get_search_results is admin.ModelAdmin.get_search_results
    ], "search is exact"
    assert is_tracked(page.model) <= isinstance(page, HistoryAdmin)


# Django's own, and the key that every event has from its base
INDEXED_TWICE = {
    "auth_group_permissions_group_id", "auth_permission_content_type_id", "staff_staffuser_groups_staffuser_id",
    "staff_staffuser_user_permissions_staffuser_id", "audit_accessrecord_user_id", "staff_undertakingacceptance_user_id",
}  # fmt: skip


@pytest.mark.django_db
def test_no_index_is_the_beginning_of_another():
    """It would be written with every row and read by nobody: a key whose index is longer says `db_index=False`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT regexp_replace(one.relname, '_[0-9a-f]{8}$', ''), one.relname || ' < ' || other.relname
            FROM pg_index a JOIN pg_index b ON a.indrelid = b.indrelid AND a.indexrelid <> b.indexrelid
            JOIN pg_class one ON one.oid = a.indexrelid JOIN pg_class other ON other.oid = b.indexrelid
            WHERE one.relnamespace = 'public'::regnamespace AND one.relam = other.relam AND NOT a.indisunique
            AND num_nulls(a.indpred, b.indpred, a.indexprs, b.indexprs) = 4
            AND b.indkey::text || ' ' LIKE a.indkey::text || ' %'
            AND b.indclass::text || ' ' LIKE a.indclass::text || ' %'
            ORDER BY 2
            """
        )
        found = [pair for index, pair in cursor.fetchall() if index not in INDEXED_TWICE]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("model", [m for m in apps.get_models() if is_tracked(m)], ids=lambda m: m._meta.label)
def test_every_field_that_history_shows_has_a_name_in_words(model):
    """Django makes up an English one otherwise, which no catalogue translates."""
    assert not [f.name for f in model._meta.concrete_fields if type(f.verbose_name) is str and not f.primary_key]
