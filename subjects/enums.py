from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import pgettext_lazy


class SubjectKind(models.TextChoices):
    CUSTOMER = "customer", pgettext_lazy("data subject", "customer")
    APPLICANT = "applicant", pgettext_lazy("data subject", "applicant")
    PROSPECT = "prospect", pgettext_lazy("data subject", "prospect")
    CONTACT_PERSON = "contact_person", pgettext_lazy("data subject", "contact person")
    GUARANTOR = "guarantor", pgettext_lazy("data subject", "guarantor")
    REPRESENTATIVE = "representative", pgettext_lazy("data subject", "representative")
    HEIR = "heir", pgettext_lazy("data subject", "heir")


class Standing(models.TextChoices):
    ORDINARY = "ordinary", pgettext_lazy("standing", "ordinary")
    RESTRICTED = "restricted", pgettext_lazy("standing", "use restricted")
    BLOCKED = "blocked", pgettext_lazy("standing", "blocked")
    DISPUTED_ADDRESS = "disputed_address", pgettext_lazy("standing", "address disputed")
    MINOR = "minor", pgettext_lazy("standing", "minor")
    INCAPABLE = "incapable", pgettext_lazy("standing", "incapable")
    DECEASED = "deceased", pgettext_lazy("standing", "deceased")
    ERASED = "erased", pgettext_lazy("standing", "erased")


class Leaves(NamedTuple):
    """What a standing leaves: are notices sent, may a code be sent and the cabinet opened?"""

    notices: bool
    cabinet: bool


# everything is stopped: nothing is added, changed or taken away (94-V art. 24)
CLOSED = (Standing.BLOCKED, Standing.ERASED)

# The one table of what each standing leaves (DESIGN 5). `restricted` stops uses, not what the law has us tell.
# `disputed address` is stored for nobody: it is what somebody is counted as whose every e-mail is disputed (ADR 7).
LEAVES: dict[str, Leaves] = {
    Standing.ORDINARY: Leaves(notices=True, cabinet=True),
    Standing.RESTRICTED: Leaves(notices=True, cabinet=True),
    Standing.BLOCKED: Leaves(notices=False, cabinet=True),
    Standing.DISPUTED_ADDRESS: Leaves(notices=False, cabinet=True),
    Standing.MINOR: Leaves(notices=False, cabinet=False),
    Standing.INCAPABLE: Leaves(notices=False, cabinet=False),
    Standing.DECEASED: Leaves(notices=False, cabinet=False),
    Standing.ERASED: Leaves(notices=False, cabinet=False),
}


def stands(person: Any) -> str:
    """The standing, or what is stopped beneath it, whichever is stricter (ADR 21): what a use is judged by.

    person: of today, or a version of the history.
    """
    if person.standing in (Standing.BLOCKED, Standing.ERASED):
        return person.standing
    if person.blocked_at is not None:
        return Standing.BLOCKED.value
    return Standing.RESTRICTED.value if person.use_stopped_at is not None else person.standing


class RetentionClass(models.TextChoices):
    """Data kept and destroyed together: each has a key of its own per person (DESIGN 4)."""

    IDENTITY = "identity", pgettext_lazy("retention class", "identity")
    APPLICATION = "application", pgettext_lazy("retention class", "application")
    LOAN = "loan", pgettext_lazy("retention class", "loan")
    MARKETING = "marketing", pgettext_lazy("retention class", "marketing")
    TECHNICAL = "technical", pgettext_lazy("retention class", "technical")
    AML = "aml", pgettext_lazy("retention class", "anti-money-laundering")
    EVIDENCE = "evidence", pgettext_lazy("retention class", "evidence")


class IndexKind(models.TextChoices):
    """What a person can be found by, exactly."""

    IIN = "iin", pgettext_lazy("search", "IIN")
    PHONE = "phone", pgettext_lazy("search", "phone")
    # one more they named: it finds them, but opens no cabinet and gets no code, for it may be a relative's
    OTHER_PHONE = "other_phone", pgettext_lazy("search", "another phone")
    EMAIL = "email", pgettext_lazy("search", "e-mail")
    CLIENT_NUMBER = "client_number", pgettext_lazy("search", "client number")
    CONTRACT = "contract", pgettext_lazy("search", "contract number")
    NAME = "name", pgettext_lazy("search", "a word of the name")
    # of the class evidence: a number the person had until it was corrected
    EVIDENCE_IIN = "evidence_iin", pgettext_lazy("search", "former IIN")


class Access(models.TextChoices):
    """94-V art. 6."""

    PUBLIC = "public", pgettext_lazy("access", "publicly available")
    RESTRICTED = "restricted", pgettext_lazy("access", "restricted")


class Disclosure(models.TextChoices):
    SUBJECT = "subject", pgettext_lazy("disclosure", "the person may see it")
    WITHHELD = "withheld", pgettext_lazy("disclosure", "withheld")


class Origin(models.TextChoices):
    """Whose words a value is (policy, scope; 94-V art. 24)."""

    SUBJECT = "subject", pgettext_lazy("origin", "the person")
    THIRD_PARTY = "third_party", pgettext_lazy("origin", "a third party")
    SITE = "site", pgettext_lazy("origin", "the site, automatically")


class Source(models.TextChoices):
    """How a value came in: the method of its collection."""

    IMPORT = "import", pgettext_lazy("source", "from an import")
    OFFICER = "officer", pgettext_lazy("source", "entered by an officer")
    API = "api", pgettext_lazy("source", "told by a system of ours")
    FORM = "form", pgettext_lazy("source", "from a form on paper")
    CABINET = "cabinet", pgettext_lazy("source", "typed in the cabinet")
    PHONE = "phone", pgettext_lazy("source", "said by telephone")


class OverrideReason(models.TextChoices):
    """Why a doubtful value is right: a code, because free text could speak of the person."""

    DOCUMENT = "document_seen", pgettext_lazy("override", "a document was seen")
    REGISTER = "state_register", pgettext_lazy("override", "a state register shows it so")
    PERSON = "person_confirms", pgettext_lazy("override", "the person confirms it")


class CorrectionReason(models.TextChoices):
    """Why an officer corrects an e-mail: a code, because free text could speak of the person."""

    TOLD = "told_by_person", pgettext_lazy("reason", "the person told us")
    STRANGER = "reached_stranger", pgettext_lazy("reason", "a letter reached a stranger")
    MISTAKE = "our_mistake", pgettext_lazy("reason", "a mistake of ours")


# how a task about a disputed address ends, in its history
ADDRESS_RIGHT = "address_right"


class RevealReason(models.TextChoices):
    """Why an officer opens a value: a code, because free text could speak of the person."""

    REQUEST = "request", pgettext_lazy("reason", "the person asked about their data")
    CORRECTION = "correction", pgettext_lazy("reason", "checking or correcting a value")
    CONTACT = "contact", pgettext_lazy("reason", "contacting the person")
    DEMAND = "demand", pgettext_lazy("reason", "a lawful demand of a state body or court")
    INCIDENT = "incident", pgettext_lazy("reason", "looking into an incident")
    CHECK = "check", pgettext_lazy("reason", "internal check")
