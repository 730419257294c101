"""The words of consent: W3C DPV where it has one, 94-V where it does not (product.md 4.4, 5.4)."""

from django.db import models
from django.utils.translation import pgettext_lazy


class Ground(models.TextChoices):
    """Why a purpose may be pursued at all (94-V art. 7, 9). There is no "legitimate interest" in 94-V."""

    CONSENT = "consent", pgettext_lazy("legal ground", "consent")
    LAW = "law", pgettext_lazy("legal ground", "duty by law")
    NOTICE = "notice", pgettext_lazy("legal ground", "notice, without consent")
    DEPERSONALISED = "depersonalised", pgettext_lazy("legal ground", "depersonalised data only")
    NONE = "none", pgettext_lazy("legal ground", "none: not specific enough to be pursued")


class Necessity(models.TextChoices):
    REQUIRED = "required", pgettext_lazy("necessity", "required")
    OPTIONAL = "optional", pgettext_lazy("necessity", "optional")


class Withdrawal(models.TextChoices):
    """When a withdrawal takes effect (94-V art. 8(2), policy 7.1)."""

    AT_ANY_TIME = "at_any_time", pgettext_lazy("withdrawal", "at any time")
    AFTER_OBLIGATIONS = "after_obligations", pgettext_lazy("withdrawal", "when no obligation is open")


class ScopeKind(models.TextChoices):
    """What one consent is about: C1 an application or contract, C2, C3, C6 a recipient, C4 a report (DESIGN 5)."""

    WHOLE = "whole", pgettext_lazy("scope", "everything")
    CONTRACT = "contract", pgettext_lazy("scope", "application or contract")
    RECIPIENT = "recipient", pgettext_lazy("scope", "recipient")
    REPORT = "report", pgettext_lazy("scope", "credit report")
    TOKEN = "token", pgettext_lazy("scope", "token of the state service")
    DEVICE = "device", pgettext_lazy("scope", "device")


class RecipientKind(models.TextChoices):
    """Whom a form may name; the register of recipients itself belongs to `transfers`."""

    CREDIT_BUREAU = "credit_bureau", pgettext_lazy("recipient", "credit bureau")
    STATE_CREDIT_BUREAU = "state_credit_bureau", pgettext_lazy("recipient", "credit bureau with state participation")
    PENSION_CENTRE = "pension_centre", pgettext_lazy("recipient", "pension payment centre")
    STATE_BODY = "state_body", pgettext_lazy("recipient", "state body")
    COURT_EXECUTOR = "court_executor", pgettext_lazy("recipient", "state court executor")
    BAILIFF = "bailiff", pgettext_lazy("recipient", "private court executor")
    NOTARY = "notary", pgettext_lazy("recipient", "notary")
    FINANCIAL_MONITORING = "financial_monitoring", pgettext_lazy("recipient", "financial monitoring")
    COLLECTOR = "collector", pgettext_lazy("recipient", "collection agency")
    ASSIGNEE = "assignee", pgettext_lazy("recipient", "assignee of the claim")
    COURIER = "courier", pgettext_lazy("recipient", "courier")
    PAYMENT_PROVIDER = "payment_provider", pgettext_lazy("recipient", "payment provider")
    MESSENGER = "messenger", pgettext_lazy("recipient", "mail or SMS gateway")
    HOSTING = "hosting", pgettext_lazy("recipient", "hosting")
    ADVERTISER = "advertiser", pgettext_lazy("recipient", "advertiser")
    OTHER = "other", pgettext_lazy("recipient", "other")


class FormState(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("form", "draft")
    IN_REVIEW = "in_review", pgettext_lazy("form", "in review")
    APPROVED = "approved", pgettext_lazy("form", "approved")
    ARCHIVED = "archived", pgettext_lazy("form", "given up")


FORM_TRANSITIONS: dict[str, set[str]] = {
    FormState.DRAFT: {FormState.IN_REVIEW, FormState.ARCHIVED},
    FormState.IN_REVIEW: {FormState.DRAFT, FormState.APPROVED},
    FormState.APPROVED: set(),
    FormState.ARCHIVED: set(),
}


class EventKind(models.TextChoices):
    """What happened to a consent; DPV's names, and two of ours for what 94-V knows and DPV does not."""

    REQUESTED = "requested", pgettext_lazy("consent event", "asked for")
    REQUEST_DEFERRED = "request_deferred", pgettext_lazy("consent event", "postponed by the person")
    PENDING_CONFIRMATION = "pending_confirmation", pgettext_lazy("consent event", "recorded, waits for a second person")
    REFUSED = "refused", pgettext_lazy("consent event", "refused")
    GIVEN = "given", pgettext_lazy("consent event", "given")
    RENEWED = "renewed", pgettext_lazy("consent event", "renewed")
    WITHDRAWN = "withdrawn", pgettext_lazy("consent event", "withdrawn")
    WITHDRAWAL_DEFERRED = (
        "withdrawal_deferred",
        pgettext_lazy("consent event", "withdrawn, in effect when the obligation is performed"),
    )
    EXPIRED = "expired", pgettext_lazy("consent event", "term ended")
    REVOKED = "revoked", pgettext_lazy("consent event", "ended by the organisation")
    INVALIDATED = "invalidated", pgettext_lazy("consent event", "found invalid")


class State(models.TextChoices):
    """How a consent stands. Derived from the events and never written by hand."""

    UNKNOWN = "unknown", pgettext_lazy("consent", "never asked")
    REQUESTED = "requested", pgettext_lazy("consent", "asked, not answered")
    REQUEST_DEFERRED = "request_deferred", pgettext_lazy("consent", "not given: the answer was postponed")
    NOT_GIVEN = "not_given", pgettext_lazy("consent", "not given: postponed too often")
    PENDING_CONFIRMATION = "pending_confirmation", pgettext_lazy("consent", "waits for a second person")
    REFUSED = "refused", pgettext_lazy("consent", "refused")
    GIVEN = "given", pgettext_lazy("consent", "given")
    RENEWED = "renewed", pgettext_lazy("consent", "renewed")
    WITHDRAWN = "withdrawn", pgettext_lazy("consent", "withdrawn")
    WITHDRAWAL_DEFERRED = (
        "withdrawal_deferred",
        pgettext_lazy("consent", "withdrawn, in effect when the obligation is performed"),
    )
    EXPIRED = "expired", pgettext_lazy("consent", "term ended")
    REVOKED = "revoked", pgettext_lazy("consent", "ended by the organisation")
    INVALIDATED = "invalidated", pgettext_lazy("consent", "found invalid")


# A ground for every use the form names; a deferred withdrawal is one for the required uses alone (94-V art. 8(2)).
LIVE = frozenset({State.GIVEN, State.RENEWED})
GROUNDS = LIVE | {State.WITHDRAWAL_DEFERRED}
# How many times a person may say "later" before the answer stands as "not given".
POSTPONEMENTS = 3


# What a question is answered after: it was asked, or "later" was said to it.
ASKED = frozenset({EventKind.REQUESTED, EventKind.REQUEST_DEFERRED})
# The ladder of reminders to who was asked about a new text and has not answered: days after the asking, then silence.
LADDER = (7, 21, 45)


class Channel(models.TextChoices):
    WEB = "web", pgettext_lazy("channel", "cabinet, with a code")
    PAPER = "paper", pgettext_lazy("channel", "paper")
    EDS = "eds", pgettext_lazy("channel", "electronic digital signature")
    CALL = "call", pgettext_lazy("channel", "call")
    STATE_SERVICE = "state_service", pgettext_lazy("channel", "state service (1414)")
    API = "api", pgettext_lazy("channel", "another system of ours")
    IMPORTED = "imported", pgettext_lazy("channel", "import of older consents")
    SYSTEM = "system", pgettext_lazy("channel", "the clock or a rule")


class Trust(models.TextChoices):
    """How sure it is that the person themselves answered, strongest first."""

    SUBJECT_SIGNED = "subject_signed", pgettext_lazy("trust", "signed by the person")
    SUBJECT_CODE = "subject_code", pgettext_lazy("trust", "the person, with a code")
    REPRESENTATIVE_CODE = "representative_code", pgettext_lazy("trust", "their representative, with a code")
    STAFF_CONFIRMED = "staff_confirmed", pgettext_lazy("trust", "entered and confirmed by two officers")
    STAFF_ENTERED = "staff_entered", pgettext_lazy("trust", "entered by one officer")
    SYSTEM_ENTERED = "system_entered", pgettext_lazy("trust", "told by a system of ours")
    IMPORTED = "imported", pgettext_lazy("trust", "imported without proof of our own")
    RULE = "rule", pgettext_lazy("trust", "follows from a rule")


class StartsOn(models.TextChoices):
    """What a retention term runs from."""

    COLLECTED = "collected", pgettext_lazy("retention", "the data were collected")
    CONTRACT_PERFORMED = "contract_performed", pgettext_lazy("retention", "the contract was performed")
    CONSENT_WITHDRAWN = "consent_withdrawn", pgettext_lazy("retention", "the consent was withdrawn")
    LAST_CONTACT = "last_contact", pgettext_lazy("retention", "the last contact")
    APPLICATION_REFUSED = "application_refused", pgettext_lazy("retention", "the application was refused")


class RetentionAction(models.TextChoices):
    DESTROY = "destroy", pgettext_lazy("retention", "destroy")
    DEPERSONALISE = "depersonalise", pgettext_lazy("retention", "depersonalise")
    REVIEW = "review", pgettext_lazy("retention", "an officer decides")
