"""The field register (DESIGN 4): what every field of every model of the house may hold.

A new field stands here before it is merged, so that somebody has thought about it; models are named, not imported,
because most of them live in higher apps. A history table holds what its model's fields hold.
"""

from enum import StrEnum


class Holds(StrEnum):
    """SEALED: ciphertext of a person's data, opened by the vault alone. INDEX: a keyed digest or masked hint a person
    is found or told apart by. EVIDENCE: proof of what was shown, answered or sent, with a term of its own. KEY: what
    opens something, wrapped or hashed. PLAIN: in clear, since it says nothing of a data subject beyond a reference.
    """

    SEALED = "sealed"
    INDEX = "index"
    EVIDENCE = "evidence"
    KEY = "key"
    PLAIN = "plain"


SEALED, INDEX, EVIDENCE, KEY, PLAIN = Holds
# of every event: who did it, when, in which request
STAMP = "id at actor user request_id db_user"
# of every history row, beside the fields of the row itself
HISTORY = "history_id history_date history_type history_user history_change_reason actor request_id txid db_user"

# {model: {what they hold: names of fields}}
REGISTER: dict[str, dict[Holds, str]] = {
    "audit.AccessRecord": {PLAIN: f"{STAMP} door reference category reason count"},
    # our organisation and its staff are no data subjects of this register
    "staff.Operator": {
        PLAIN: "id name_kk name_ru name_en bin address_kk address_ru address_en email phone responsible_person"
        " responsible_order"
    },
    "staff.StaffUser": {
        KEY: "password",
        PLAIN: "id is_superuser username first_name last_name email is_staff is_active date_joined position language",
    },
    "staff.RoleGrant": {PLAIN: "id user role during granted_by revoked_by"},
    "staff.Undertaking": {PLAIN: "id version text_kk text_ru text_en created_at"},
    "staff.UndertakingAcceptance": {PLAIN: f"{STAMP} undertaking language", EVIDENCE: "sha256"},
    "staff.SignIn": {PLAIN: f"{STAMP} who outcome address agent", INDEX: "name_digest"},
    "notifications.Campaign": {
        PLAIN: "id kind cause state audience starts_at created_at paused_at paused_by cancelled_at cancelled_by"
        " finished_at"
    },
    "notifications.Letter": {
        PLAIN: "id subject staff kind cause campaign language priority state skip_reason attempts due_at claimed_at"
        " created_at done_at"
    },
    "notifications.DeliveryEvent": {PLAIN: f"{STAMP} letter kind code answer", EVIDENCE: "sha256"},
    "notifications.Heartbeat": {PLAIN: "name at"},
    "subjects.DataSubject": {PLAIN: "id reference public_id kind standing language created_at"},
    "subjects.SubjectKey": {KEY: "wrapped", PLAIN: "id subject retention_class kek_version"},
    "subjects.DataCategory": {PLAIN: "id code title title_kk title_ru title_en retention_class access biometric order"},
    "subjects.PersonalData": {
        SEALED: "sealed",
        PLAIN: "id subject category retention_class source collected_at disclosure",
    },
    "subjects.SearchKey": {INDEX: "digest hint", PLAIN: "id subject kind"},
    "subjects.SubjectImport": {
        SEALED: "sealed_file",
        EVIDENCE: "sha256",
        PLAIN: "id state dry_run default_language rows_total rows_good rows_done created updated problems warnings"
        " more_problems more_warnings started_by started_at finished_at",
    },
    "subjects.SignInCode": {
        INDEX: "identifier_digest address_digest",
        KEY: "digest",
        PLAIN: "id subject handle channel tries created_at expires_at used_at",
    },
    "subjects.CabinetEvent": {PLAIN: f"{STAMP} kind subject", INDEX: "address_digest"},
    "subjects.Task": {PLAIN: "id kind subject letter opened_at closed_at closed_by"},
    "policies.Policy": {PLAIN: "id code title title_kk title_ru title_en"},
    "policies.PolicyVersion": {
        PLAIN: "id policy number state note order_number order_date scope_kk scope_ru prevailing significant"
        " significance_reason_kk significance_reason_ru change_summary_kk change_summary_ru change_summary_en"
        " created_at created_by submitted_at submitted_by changes_requested_at changes_requested_by changes_requested"
        " approved_at approved_by published_at published_by in_force_during"
    },
    "policies.PolicySource": {PLAIN: "id version language filename content sha256"},
    "policies.Clause": {PLAIN: "id version key kind number parent_key order text_kk text_ru text_en"},
    "policies.Finding": {PLAIN: "id version code severity clause_key languages params"},
    "consent.NoticeServed": {PLAIN: STAMP, EVIDENCE: "subject version language sha256"},
    "consent.Acknowledgement": {PLAIN: STAMP, EVIDENCE: "subject version served answer language sha256"},
}


def fields_of(model: str) -> dict[str, Holds]:
    """{field: what it holds} of a model ("subjects.Task"). Raises KeyError for a model nobody has classified."""
    return {name: holds for holds, names in REGISTER[model].items() for name in names.split()}
