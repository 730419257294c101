"""The field register (DESIGN 4): what every field of every model of the house may hold.

A new field stands here before it is merged, so that somebody has thought about it. It is one page for the whole house
and not a file an app, because an inspector asks for one list; models are named, not imported, since most of them live
in higher apps. A history table holds what its model's fields hold. The class is no comment: prose gets its validator
from here, and tests/subjects/test_register.py asks models and database whether the other classes are true.
"""

from enum import StrEnum

from django.apps import apps

from subjects.free_text import refuse_personal_data


class Holds(StrEnum):
    """SEALED: ciphertext of a person's data, opened by the vault alone. INDEX: a keyed digest or masked hint a person
    is found or told apart by. EVIDENCE: proof of what was shown, answered or sent, with a term of its own. KEY: what
    opens something, wrapped or hashed. PLAIN: in clear, since it says nothing of a data subject beyond a reference.
    PROSE: in clear too, but people type it, so it refuses what names a person.
    """

    SEALED = "sealed"
    INDEX = "index"
    EVIDENCE = "evidence"
    KEY = "key"
    PLAIN = "plain"
    PROSE = "prose"


SEALED, INDEX, EVIDENCE, KEY, PLAIN, PROSE = Holds
# of every event: who did it, when, in which request
STAMP = "id at actor user request_id db_user"
# of every row that two people open (staff.opened)
OPENED = (
    "id loaded proposed_by proposed_at approved_by approved_at closing_proposed_by closing_proposed_at"
    " closing_approved_by closing_approved_at in_force_during"
)
# of every history row, beside the fields of the row itself
HISTORY = "history_id history_date history_type history_user history_change_reason actor request_id txid db_user"

# {model: {what they hold: names of fields}}
REGISTER: dict[str, dict[Holds, str]] = {
    "audit.AccessRecord": {PLAIN: f"{STAMP} door reference category reason count"},
    # our organisation and its staff are no data subjects of this register
    "staff.Operator": {
        PROSE: "name_kk name_ru name_en bin address_kk address_ru address_en responsible_person responsible_order",
        PLAIN: "id email phone",
    },
    "staff.StaffUser": {
        KEY: "password",
        PROSE: "first_name last_name position",
        PLAIN: "id is_superuser username email is_staff is_active date_joined language",
    },
    "staff.RoleGrant": {PLAIN: "id user role during granted_by revoked_by"},
    "staff.Undertaking": {PROSE: "text_kk text_ru text_en", PLAIN: "id version created_at"},
    "staff.UndertakingAcceptance": {PLAIN: f"{STAMP} undertaking language", EVIDENCE: "sha256"},
    "staff.SignIn": {PLAIN: f"{STAMP} who outcome address agent", INDEX: "name_digest"},
    "staff.ApiClient": {
        KEY: "digest",
        PROSE: "name",
        PLAIN: "id code scopes per_minute prefix expires_at created_at last_used_at revoked_at revoked_by",
    },
    "staff.ApiAllowance": {PLAIN: "client free_at"},
    "staff.IdempotentAnswer": {KEY: "request_digest", PLAIN: "id client key status media_type body created_at"},
    "notifications.Campaign": {
        PLAIN: "id kind cause state audience created_at paused_at paused_by cancelled_at cancelled_by finished_at"
    },
    "notifications.Letter": {
        PLAIN: "id subject staff kind cause campaign language priority state skip_reason attempts due_at claimed_at"
        " created_at done_at"
    },
    "notifications.DeliveryEvent": {PLAIN: f"{STAMP} letter kind code answer", EVIDENCE: "sha256"},
    "notifications.Heartbeat": {PLAIN: "name at"},
    "subjects.DataSubject": {
        PLAIN: "id reference public_id kind standing language use_stopped_at blocked_at created_at"
    },
    "subjects.SubjectKey": {KEY: "wrapped", PLAIN: "id subject retention_class kek_version"},
    "subjects.DataCategory": {
        PROSE: "title title_kk title_ru title_en",
        PLAIN: "id code retention_class access biometric order",
    },
    "subjects.PersonalData": {
        SEALED: "sealed",
        PLAIN: "id subject category retention_class origin transfer source collected_at disclosure",
    },
    "subjects.Verification": {
        SEALED: "sealed_found",
        PLAIN: "id value against result checked_at decision decided_by decided_at",
    },
    "subjects.SourceSystem": {
        PROSE: "title title_kk title_ru title_en unit",
        PLAIN: "id code email retired_on",
    },
    "subjects.SystemCategory": {PLAIN: "id system category"},
    "subjects.TechnicalHolding": {PLAIN: "id subject category system during count"},
    "subjects.LegalHold": {
        PROSE: "case_number body",
        PLAIN: "id subject kind since until lift_proposed_by lift_proposed_at lifted_by lifted_at",
    },
    "subjects.DenylistEntry": {SEALED: "sealed_note", PLAIN: f"{OPENED} subject kind reason origin review_on"},
    "subjects.AmlEntry": {SEALED: "sealed_note", PLAIN: f"{OPENED} subject reason review_on"},
    "subjects.DenialDispute": {
        SEALED: "sealed_statement",
        PLAIN: "id entry opened_at outcome decided_by decided_at",
    },
    "subjects.Suppression": {INDEX: "digest", PLAIN: f"{STAMP} kind ends reason"},
    "subjects.AutomatedDecision": {
        PLAIN: "id subject client number kind outcome occurred_at categories review_asked_at review reviewed_by"
        " reviewed_at recorded_at",
    },
    "subjects.DocumentSeen": {EVIDENCE: "subject kind last_four seen_on", PLAIN: STAMP},
    "subjects.Representative": {
        PLAIN: "id subject representative basis acts document valid_from valid_until ended_by ended_at",
    },
    "subjects.PersonLink": {PLAIN: "id kind subject other created_at ended_by ended_at"},
    "subjects.IinCorrection": {
        SEALED: "sealed_iin",
        PLAIN: "id subject document proposed_by proposed_at approved_by approved_at declined_by declined_at",
    },
    "subjects.Death": {
        PLAIN: "id subject document died_on stood recorded_by recorded_at undo_proposed_by undo_proposed_at undone_by"
        " undone_at",
    },
    "subjects.DutyRule": {
        PROSE: "title title_kk title_ru title_en article",
        PLAIN: f"{OPENED} code amount unit trigger may_pause_for confirmed_by_counsel",
    },
    "subjects.CalendarDay": {PROSE: "title title_kk title_ru title_en source", PLAIN: "id day kind estimated"},
    "subjects.Deadline": {
        PLAIN: "id about rule started_at counted_from amount due_at reckoned_at paused_at pause_reason met_at"
    },
    "subjects.SubjectRequest": {
        SEALED: "sealed_text sealed_value sealed_answer",
        PROSE: "target",
        PLAIN: "id public_id subject kinds channel representative language received_at registered_at identity"
        " standard_answer answer_sha256 identified_by identified_at state assignee category refusing refusal refusals"
        " decided_by decided_at approved_by approved_at nothing_held answered_at closing duplicate_of disclosure",
    },
    "subjects.RequestFile": {
        SEALED: "sealed",
        EVIDENCE: "sha256",
        PLAIN: f"{STAMP} public_id subject_request item kind media_type size",
    },
    "subjects.RequestNote": {SEALED: "sealed", PLAIN: f"{STAMP} subject_request"},
    "subjects.PlannedDestruction": {PLAIN: f"{STAMP} subject_request category count rule confirmed until held"},
    "subjects.RequestItem": {SEALED: "sealed_comment", PLAIN: "id subject_request kind system done_by done_at"},
    "subjects.SearchKey": {INDEX: "digest hint", PLAIN: "id subject kind"},
    "subjects.SubjectImport": {
        SEALED: "sealed_file",
        EVIDENCE: "sha256",
        PLAIN: "id state dry_run default_language overrule rows_total rows_good rows_done created updated problems"
        " warnings more_problems more_warnings started_by started_at finished_at",
    },
    "subjects.RecordImport": {
        SEALED: "sealed_file",
        EVIDENCE: "sha256",
        PLAIN: "id state dry_run what overrule rows_total rows_good rows_done added changed problems warnings"
        " more_problems more_warnings started_by started_at finished_at",
    },
    "subjects.SignInCode": {
        INDEX: "identifier_digest address_digest",
        KEY: "digest",
        SEALED: "sealed_address",
        PLAIN: "id subject handle use channel tries created_at expires_at used_at held_back",
    },
    "subjects.CabinetSession": {
        PLAIN: "id subject public_id how issuer device browser began_at seen_at ended_at",
    },
    "subjects.TextMessage": {
        PLAIN: "id subject kind cause language state attempts due_at created_at done_at",
    },
    "subjects.HandoverKey": {PLAIN: f"{OPENED} issuer key_id public_key origin"},
    "subjects.HandoverUse": {KEY: "digest", PLAIN: "id issuer at expires_at"},
    "subjects.CabinetEvent": {PLAIN: f"{STAMP} kind subject", INDEX: "address_digest"},
    "subjects.DisputedAddress": {INDEX: "digest", PLAIN: "id task value since"},
    "subjects.Task": {PLAIN: "id kind subject letter opened_at closed_at closed_by"},
    "subjects.Application": {PLAIN: "id subject number state applied_at state_since"},
    "subjects.Contract": {
        PLAIN: "id subject application number state opened_at overdue_since performed_at state_since"
    },
    "policies.Policy": {PROSE: "title title_kk title_ru title_en", PLAIN: "id code"},
    "policies.PolicyVersion": {
        PROSE: "note order_number scope_kk scope_ru significance_reason_kk significance_reason_ru change_summary_kk"
        " change_summary_ru change_summary_en changes_requested",
        PLAIN: "id policy number state order_date prevailing significant created_at created_by submitted_at"
        " submitted_by changes_requested_at changes_requested_by approved_at approved_by published_at published_by"
        " in_force_during",
    },
    "policies.PolicySource": {PLAIN: "id version language filename content sha256"},
    "policies.Clause": {PLAIN: "id version key kind number parent_key order text_kk text_ru text_en"},
    "policies.Finding": {PLAIN: "id version code severity clause_key languages params"},
    "policies.LegalAct": {
        PROSE: "title_kk title_ru title_en",
        PLAIN: "id code number date status repealed_on successor confirmed_by_counsel",
    },
    "consent.Purpose": {
        PROSE: "title title_kk title_ru title_en article",
        PLAIN: "id code dpv_term ground confirmed_by_counsel required open_ended order valid_from valid_to",
    },
    "consent.PurposeEdition": {
        PROSE: "title title_kk title_ru title_en article",
        PLAIN: f"{OPENED} code dpv_term ground confirmed_by_counsel required open_ended valid_from valid_to",
    },
    "consent.PurposeCategory": {PROSE: "note", PLAIN: f"{OPENED} purpose category necessity"},
    "consent.ClauseLink": {PLAIN: "id policy clause_key purpose category"},
    "consent.DataList": {PROSE: "order_number", PLAIN: f"{OPENED} number order_date"},
    "consent.DataListEntry": {PROSE: "title_kk title_ru", PLAIN: "id data_list category"},
    "consent.RetentionRule": {
        PROSE: "title title_kk title_ru title_en reference",
        PLAIN: f"{OPENED} code purpose category retention_class duration starts_on action confirmed_by_counsel",
    },
    "consent.Objection": {PLAIN: "id subject purpose in_force_during"},
    "consent.ConsentForm": {
        PROSE: "title title_kk title_ru title_en",
        PLAIN: "id code required withdrawal scope_kind order",
    },
    "consent.ConsentFormVersion": {
        PLAIN: "id form number state legacy text_kk text_ru text_en term until_purposes_reached to_third_parties"
        " cross_border public_distribution created_at submitted_by submitted_at approved_by approved_at"
        " in_force_during"
    },
    "consent.FormItem": {
        PROSE: "text_kk text_ru text_en",
        PLAIN: "id version kind purpose category recipient_kind order",
    },
    "consent.FormServed": {
        INDEX: "device_digest",
        EVIDENCE: "subject version policy_version scope language sha256",
        PLAIN: STAMP,
    },
    "consent.Scan": {SEALED: "sealed", EVIDENCE: "subject sha256 media_type size", PLAIN: STAMP},
    "consent.ConsentEvent": {
        SEALED: "sealed_evidence",
        INDEX: "device_digest",
        EVIDENCE: "subject form scope kind occurred_at valid_until version policy_version served language sha256"
        " channel trust reason scan about blocking",
        PLAIN: f"{STAMP} public_id",
    },
    "consent.ConsentState": {
        INDEX: "device_digest",
        PLAIN: "id subject form scope state since until given last postponed",
    },
    "consent.ConsentImport": {
        SEALED: "sealed_file",
        EVIDENCE: "sha256",
        PLAIN: "id state dry_run rows_total rows_good rows_done added unchanged problems warnings more_problems"
        " more_warnings started_by started_at finished_at",
    },
    "consent.ReceiptKey": {KEY: "wrapped", PLAIN: "id key_id public_key kek_version in_force_during"},
    "consent.Change": {PLAIN: "id position subject kind event form scope state covers until at recorded_at"},
    "consent.Subscriber": {
        KEY: "nonce",
        PLAIN: "id client url secret_made_at acknowledged acknowledged_at sent sent_at failures due_at error",
    },
    "consent.NoticeServed": {PLAIN: STAMP, EVIDENCE: "subject version language sha256"},
    "consent.Acknowledgement": {PLAIN: STAMP, EVIDENCE: "subject version served answer language sha256"},
    # third parties are organisations; their contacts are a desk's, not a person's
    "transfers.Recipient": {
        PROSE: "title title_kk title_ru title_en registry_number",
        PLAIN: "id code kind bin country contact_email contact_phone registry_date",
    },
    "transfers.RecipientClause": {PLAIN: "id policy clause_key recipient kind"},
    "transfers.Agreement": {
        PROSE: "number confidentiality file_name",
        PLAIN: f"{OPENED} recipient valid_from valid_to notify_subject categories file_sha256",
    },
    "transfers.Country": {PROSE: "title title_kk title_ru title_en source", PLAIN: f"{OPENED} code adequate"},
    "transfers.TransferRule": {
        PROSE: "article",
        PLAIN: f"{OPENED} recipient purpose direction categories ground form written on_demand sanction"
        " notify_subject disclosure confirmed_by_counsel",
    },
    "transfers.ShadowMode": {PLAIN: f"{OPENED} ends_at"},
    "transfers.Transfer": {
        KEY: "token_digest",
        PLAIN: f"{STAMP} public_id subject recipient purpose direction categories decision shadow failed inputs"
        " inputs_sha256 ground rule agreement consent consent_state abroad_state policy_version disclosure"
        " idempotency_key token_expires_at",
    },
    "transfers.TransferNotice": {PLAIN: f"{STAMP} subject day transfers"},
    "transfers.RecipientNotice": {
        PROSE: "confirmation",
        PLAIN: "id recipient subject reason cause categories transfers disclosure opened_at sent_at sent_by channel"
        " letter_sha256 confirmed_at confirmed_by",
    },
    "transfers.Quarantined": {
        SEALED: "sealed",
        PLAIN: "id transfer subject category came_at fate decided_at decided_by",
    },
    "transfers.ProcessingRegister": {PROSE: "signatory", PLAIN: f"{STAMP} number content sha256"},
    "transfers.AgreementFile": {EVIDENCE: "sha256 content", PLAIN: f"{STAMP} media_type size"},
    "transfers.DemandFile": {SEALED: "sealed", EVIDENCE: "sha256", PLAIN: f"{STAMP} media_type size"},
    "transfers.InboundDemand": {
        PROSE: "body letter_number article sanction",
        PLAIN: "id kind recipient letter_date received_at registered_at due_at subject purpose categories language file"
        " disclosure state refusal decided_by decided_at approved_by approved_at transfer answered_at",
    },
    # names the other side's letter and no person
    "transfers.DemandLetter": {EVIDENCE: "sha256 content", PLAIN: f"{STAMP} demand kind language"},
    "transfers.TransferBatch": {
        PROSE: "act_number",
        SEALED: "sealed_file",
        EVIDENCE: "sha256",
        PLAIN: "id state dry_run rows_total rows_good rows_done problems warnings more_problems more_warnings"
        " started_by started_at finished_at kind recipient purpose categories allowed refused gaps act confirmed_by"
        " confirmed_at act_date acted_at",
    },
    "transfers.BatchRow": {PLAIN: f"{STAMP} batch number contract subject decision failed"},
    "transfers.BatchOutcome": {SEALED: "sealed", PLAIN: f"{STAMP} row transfer values assigned"},
    "transfers.RegistryFile": {
        EVIDENCE: "sha256",
        PLAIN: "id batch format reason language state rows_total rows_done values size started_by started_at"
        " finished_at dropped_at",
    },
    "transfers.RegistryPart": {SEALED: "sealed", PLAIN: "id file number"},
    "transfers.Reconciliation": {
        SEALED: "sealed_file",
        EVIDENCE: "sha256",
        PLAIN: "id state dry_run rows_total rows_good rows_done problems warnings more_problems more_warnings"
        " started_by started_at finished_at recipient since until matched differing theirs_only ours_only disclosure",
    },
    "transfers.ReconciliationRow": {PLAIN: f"{STAMP} reconciliation outcome number day categories transfer"},
    "transfers.Release": {PROSE: "reference", PLAIN: f"{STAMP} transfer payload_sha256 size"},
}


def fields_of(model: str) -> dict[str, Holds]:
    """{field: what it holds} of a model ("subjects.Task"). Raises KeyError for a model nobody has classified."""
    return {name: holds for holds, names in REGISTER[model].items() for name in names.split()}


def guard_prose() -> None:
    """Give every field of PROSE the validator that refuses what names a person; once, when all models are there.

    Not in the models: staff and notifications stand below the validator, and an upper app would forget it. A validator
    of a field is asked by every form and admin page of the model and by each service that cleans its row.
    """
    for model in apps.get_models():
        holds = fields_of(model._meta.label) if model._meta.label in REGISTER else {}
        for field in model._meta.concrete_fields:
            if holds.get(field.name) == Holds.PROSE:
                field.validators.append(refuse_personal_data)
