"""What each role may do (DESIGN 5; policy 5.4): the one table; `sync_roles` writes it into Django's groups.

Rules ask `user.has_perm("app.codename")` and never a role. A right that a role gains or loses is one line here.
"""

from staff.enums import Role

POLICIES_TO_READ = (
    "policies.view_policy",
    "policies.view_policyversion",
    "policies.view_policysource",
    "policies.view_clause",
    "policies.view_finding",
    "consent.view_noticeserved",
    "consent.view_acknowledgement",
)
SUBJECTS_MASKED = (
    "subjects.view_datasubject",
    "subjects.view_datacategory",
    "subjects.view_personaldata",
    "subjects.view_cabinetevent",
    "subjects.view_task",
)
CONSENTS_TO_READ = (
    "consent.view_consentevent",
    "consent.view_consentstate",
    "consent.view_purpose",
    "consent.view_purposecategory",
    "consent.view_retentionrule",
    "consent.view_consentform",
    "consent.view_consentformversion",
    "consent.view_formitem",
)
REGISTERS_TO_READ = (
    "policies.view_legalact",
    "consent.view_clauselink",
    "consent.view_datalist",
)
LETTERS_TO_READ = (
    "notifications.view_campaign",
    "notifications.view_letter",
    "notifications.view_deliveryevent",
)
STAFF_TO_READ = (
    "staff.view_operator",
    "staff.view_staffuser",
    "staff.view_rolegrant",
    "staff.view_undertaking",
    "staff.view_undertakingacceptance",
    "staff.view_signin",
    "staff.view_apiclient",
    "consent.view_receiptkey",
)

ROLES: dict[Role, tuple[str, ...]] = {
    # at the counter: people by reference, what was recorded, a code on paper for who has no e-mail
    Role.OPERATOR: (
        *SUBJECTS_MASKED,
        *POLICIES_TO_READ,
        *CONSENTS_TO_READ,
        *REGISTERS_TO_READ,
        "notifications.view_letter",
        "consent.record_consentevent",
        "subjects.issue_paper_code",
        "subjects.change_task",
    ),
    # prepares: drafts, imports, submits
    Role.OFFICER: (
        *SUBJECTS_MASKED,
        *POLICIES_TO_READ,
        *CONSENTS_TO_READ,
        *REGISTERS_TO_READ,
        *LETTERS_TO_READ,
        "staff.view_operator",
        "consent.view_subscriber",
        "policies.add_policy",
        "policies.change_policy",
        "policies.add_policyversion",
        "policies.change_policyversion",
        "policies.submit_policyversion",
        "subjects.add_datacategory",
        "subjects.change_datacategory",
        "subjects.view_subjectimport",
        "subjects.import_subjects",
        "subjects.issue_paper_code",
        "subjects.correct_email",
        "subjects.change_task",
        "consent.record_consentevent",
        "consent.confirm_consentevent",
        "consent.import_consents",
        "consent.add_purposecategory",
        "consent.add_retentionrule",
        "consent.add_datalist",
        "consent.add_clauselink",
        "consent.delete_clauselink",
        "consent.add_consentformversion",
        "consent.change_consentformversion",
        "consent.submit_consentformversion",
    ),
    # answers for it (94-V art. 25): approves, publishes, writes to people, opens values
    Role.DPO: (
        *SUBJECTS_MASKED,
        *POLICIES_TO_READ,
        *CONSENTS_TO_READ,
        *REGISTERS_TO_READ,
        *LETTERS_TO_READ,
        *STAFF_TO_READ,
        "audit.view_accessrecord",
        "policies.approve_policyversion",
        "policies.publish_policyversion",
        "notifications.run_campaign",
        "notifications.requeue_letter",
        "subjects.reveal_value",
        "subjects.view_subjectimport",
        "subjects.change_datacategory",
        "subjects.issue_paper_code",
        "subjects.correct_email",
        "subjects.change_task",
        "staff.change_operator",
        "staff.add_undertaking",
        "consent.approve_consentformversion",
        "consent.confirm_consentevent",
        "consent.approve_purposecategory",
        "consent.approve_retentionrule",
        "consent.approve_datalist",
        "consent.change_consentform",
        "policies.add_legalact",
        "policies.change_legalact",
        "consent.view_subscriber",
        "consent.add_subscriber",
        "consent.change_subscriber",
    ),
    # looks at everything, masked, and touches nothing
    Role.AUDITOR: (
        *SUBJECTS_MASKED,
        *POLICIES_TO_READ,
        *CONSENTS_TO_READ,
        *REGISTERS_TO_READ,
        *LETTERS_TO_READ,
        *STAFF_TO_READ,
        "audit.view_accessrecord",
        "subjects.view_subjectimport",
        "consent.view_subscriber",
    ),
    # accounts, and not one word about customers
    Role.ADMINISTRATOR: (
        *STAFF_TO_READ,
        "staff.add_operator",
        "staff.change_operator",
        "staff.add_staffuser",
        "staff.change_staffuser",
        "staff.add_rolegrant",
        "staff.change_rolegrant",
        "staff.add_undertaking",
        "staff.add_apiclient",
        "staff.change_apiclient",
    ),
}

# A role that stands alone: who inspects does not act, and who opens doors does not go through them.
ALONE = frozenset({Role.AUDITOR, Role.ADMINISTRATOR})
