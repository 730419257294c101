"""The words of transfers: to whom, which way, on what ground, and what the gate said (94-V art. 15-16; policy 2.3)."""

from collections.abc import Iterable

from django.db import models
from django.utils.translation import pgettext_lazy

from consent.enums import RecipientKind


class Direction(models.TextChoices):
    """OUTGOING: data leave us. INCOMING: data about the person come from somebody else."""

    OUTGOING = "outgoing", pgettext_lazy("transfer", "outgoing")
    INCOMING = "incoming", pgettext_lazy("transfer", "incoming")


class TransferGround(models.TextChoices):
    """Why a transfer may be made: the three of policy 2.3 and the duty a law lays on us."""

    CONSENT = "consent", pgettext_lazy("ground of a transfer", "consent of the person")
    SERVICE = "service", pgettext_lazy("ground of a transfer", "needed for a service the person asked for")
    DEFENCE = "defence", pgettext_lazy("ground of a transfer", "defence of our rights after a breach")
    LAW = "law", pgettext_lazy("ground of a transfer", "duty by law")


class Verdict(models.TextChoices):
    """What the gate said. GAP: a setting is missing, which never allows and is told apart from a refusal."""

    ALLOW = "allow", pgettext_lazy("decision of the gate", "allowed")
    DENY = "deny", pgettext_lazy("decision of the gate", "refused")
    GAP = "gap", pgettext_lazy("decision of the gate", "not set up")


class Result(models.TextChoices):
    PASS = "pass", pgettext_lazy("check of the gate", "in order")
    FAIL = "fail", pgettext_lazy("check of the gate", "not in order")
    GAP = "gap", pgettext_lazy("check of the gate", "not set up")


class Check(models.TextChoices):
    """The checks of the gate, in their order."""

    SUBJECT = "subject", pgettext_lazy("check of the gate", "person")
    PURPOSE = "purpose", pgettext_lazy("check of the gate", "purpose")
    DECLARED = "declared", pgettext_lazy("check of the gate", "purpose in the policy")
    RECIPIENT = "recipient", pgettext_lazy("check of the gate", "recipient in the policy")
    RULE = "rule", pgettext_lazy("check of the gate", "transfer rule")
    GROUND = "ground", pgettext_lazy("check of the gate", "legal ground")
    CATEGORIES = "categories", pgettext_lazy("check of the gate", "categories of data")
    AGREEMENT = "agreement", pgettext_lazy("check of the gate", "agreement")
    COUNTRY = "country", pgettext_lazy("check of the gate", "country")
    OBJECTION = "objection", pgettext_lazy("check of the gate", "objection")
    ACTOR = "actor", pgettext_lazy("check of the gate", "who asks")


def checks_in_words(failed: Iterable[str]) -> str:
    """Codes of checks that were not passed, as a row shows them; one that is no check any more stands as it is."""
    return ", ".join(str(Check(code).label) if code in Check.values else code for code in failed)


class NoticeReason(models.TextChoices):
    """Why whoever got the data is told (94-V art. 8, 18, 24)."""

    CORRECTED = "corrected", pgettext_lazy("recipient is told", "the data were corrected")
    WITHDRAWN = "withdrawn", pgettext_lazy("recipient is told", "the consent ended")
    ERASED = "erased", pgettext_lazy("recipient is told", "the data were destroyed")


class SentBy(models.TextChoices):
    """How a letter went to a recipient."""

    EMAIL = "email", pgettext_lazy("way to a recipient", "by e-mail")
    POST = "post", pgettext_lazy("way to a recipient", "by post")
    PORTAL = "portal", pgettext_lazy("way to a recipient", "through their system")
    HAND = "hand", pgettext_lazy("way to a recipient", "by hand, against a signature")


class Fate(models.TextChoices):
    """What became of a value that came without a rule."""

    DESTROYED = "destroyed", pgettext_lazy("quarantine", "destroyed")
    TAKEN = "taken", pgettext_lazy("quarantine", "taken in, a rule covers it now")


# Authorities: the data are sent within our country and no agreement is made with them.
AUTHORITIES = frozenset(
    {
        RecipientKind.STATE_BODY,
        RecipientKind.COURT_EXECUTOR,
        RecipientKind.BAILIFF,
        RecipientKind.NOTARY,
        RecipientKind.FINANCIAL_MONITORING,
        RecipientKind.STATE_CREDIT_BUREAU,
    }
)
# To whom microcredit secrecy goes without the borrower's written consent, the bureaus' own law asking one of its kind.
BUREAUS = frozenset({RecipientKind.CREDIT_BUREAU, RecipientKind.STATE_CREDIT_BUREAU})
# Whose rows leave no trace for the subject unless somebody decides otherwise (DESIGN 4; 191-IV).
WITHHELD_BY_DEFAULT = frozenset({RecipientKind.FINANCIAL_MONITORING})
_ASKED = frozenset({TransferGround.CONSENT})
_SERVES = frozenset({TransferGround.CONSENT, TransferGround.SERVICE})
_CLAIMS = frozenset({TransferGround.CONSENT, TransferGround.DEFENCE})
_DEMANDS = frozenset({TransferGround.CONSENT, TransferGround.DEFENCE, TransferGround.LAW})
_BY_LAW = frozenset({TransferGround.LAW})
_LAWFUL = {
    RecipientKind.CREDIT_BUREAU: _ASKED,
    RecipientKind.STATE_CREDIT_BUREAU: _BY_LAW,
    RecipientKind.PENSION_CENTRE: _ASKED,
    RecipientKind.STATE_BODY: _DEMANDS,
    RecipientKind.COURT_EXECUTOR: _DEMANDS,
    RecipientKind.BAILIFF: _DEMANDS,
    RecipientKind.NOTARY: _DEMANDS,
    RecipientKind.FINANCIAL_MONITORING: _BY_LAW,
    RecipientKind.COLLECTOR: _CLAIMS,
    RecipientKind.ASSIGNEE: _CLAIMS,
    RecipientKind.COURIER: _SERVES,
    RecipientKind.PAYMENT_PROVIDER: _SERVES,
    RecipientKind.MESSENGER: _SERVES,
    RecipientKind.HOSTING: _SERVES,
    RecipientKind.ADVERTISER: _ASKED,
    RecipientKind.OTHER: _CLAIMS,
}
# The forms of consent for bureaus: one for each private bureau that is supplied, one for each report (573-II art. 26).
SUPPLY_FORM, REPORT_FORM = "C3", "C4"


def lawful_grounds(kind: str, direction: str) -> frozenset[TransferGround]:
    """On what grounds data may go to a recipient of this kind, or come from it (law.md 2.1-2.3; policy 2.3; ADR 18)."""
    if kind in BUREAUS and direction == Direction.INCOMING:
        return _ASKED
    return _LAWFUL[RecipientKind(kind)]


def bureau_form(kind: str, direction: str) -> str:
    """The form of consent that the law of credit bureaus asks for, "" where it names none."""
    if kind not in BUREAUS:
        return ""
    return REPORT_FORM if direction == Direction.INCOMING else SUPPLY_FORM


def secret(kind: str, direction: str) -> bool:
    """Whether a consent to it is given in writing: what we know of a borrower is microcredit secrecy (56-V art. 21)."""
    return direction == Direction.OUTGOING and kind not in BUREAUS
