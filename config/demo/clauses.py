"""Which clauses of the sample policy declare which purposes and data: what no clause declares stays a marked gap."""

from audit.actor import acting_as
from consent import clause_links
from consent.models import ClauseLink, Purpose
from policies.models import Policy
from staff.models import StaffUser
from subjects.models import DataCategory

PURPOSES = {
    "2.1.b1": "contract",
    "2.1.b2": "identification",
    "2.1.b3": "scoring",
    "2.1.b4": "legal_obligations aml_fraud",
    "2.1.b5": "correspondence communication",
    "2.1.b6": "appeals",
    "2.1.b7": "collection legal_defence",
    "2.1.b8": "marketing",
    "5.1.b1": "bureau_transfer",
    "5.1.b3": "settlements",
    "5.1.b5": "assignment",
    "6.1": "retention",
    "8.1": "security",
}
CATEGORIES = {
    "3.1.b1": "full_name iin identity_document",
    "3.1.b2": "mobile_phone email addresses",
    "3.1.b3": "employer salary_amount solvency_obligations marital_status",
    "3.1.b4": "bank_account",
    "3.1.b5": "ip_address browser cookie access_time",
}


def link(policy: Policy, *, officer: StaffUser) -> None:
    """Link them as an officer would, once."""
    if ClauseLink.objects.exists():
        return
    with acting_as(f"officer:{officer.pk}"):
        for model, table in ((Purpose, PURPOSES), (DataCategory, CATEGORIES)):
            for row in model.objects.all():
                places = {(policy.pk, key) for key, codes in table.items() if row.code in codes.split()}
                if places:
                    clause_links.link(row, chosen=places, seen=(), by=officer)
