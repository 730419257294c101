"""What the gate says, in three languages: a code and its parameters become a sentence (issue 4)."""

from functools import cache, lru_cache
from typing import Any

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from consent.enums import RecipientKind
from staff.citations import cited
from staff.enums import Language
from subjects.enums import Standing
from transfers.enums import Direction, TransferGround

SENTENCES: dict[str, Any] = {
    "subject.ok": _("The person is known and nothing is stopped for them."),
    "subject.unknown": _("No person has the reference %(reference)s. Check it in the register of data subjects."),
    "subject.standing": _("The standing of the person stops the transfer: %(standing)s."),
    "purpose.ok": _("The purpose is in force."),
    "purpose.unknown": _("There is no purpose “%(purpose)s” in the register."),
    "purpose.not_in_force": _("The purpose “%(purpose)s” is not in force at that moment."),
    "purpose.open_ended": _("The purpose “%(purpose)s” is not specific enough to be pursued (94-V art. 7)."),
    "policy.none": _("No policy is in force, so nothing is declared."),
    "declared.ok": _("The policy in force declares the purpose."),
    "declared.missing": _("No clause of the policy in force declares the purpose “%(purpose)s”."),
    "recipient.ok": _("The policy in force declares the recipient."),
    "recipient.unknown": _("There is no recipient “%(recipient)s” in the register."),
    "recipient.missing": _("No clause of the policy in force names “%(recipient)s” or its kind: %(kind)s."),
    "rule.ok": _("A transfer rule is in force; its ground: %(ground)s."),
    "rule.none": _("No rule is in force for “%(recipient)s” and the purpose “%(purpose)s”, direction: %(direction)s."),
    "rule.decides": _("Cannot be looked at without a transfer rule."),
    "ground.consent": _("The consent %(form)s stands and its text names the purpose and the recipient."),
    "ground.service": _("It is needed for a service that the person asked for."),
    "ground.no_service": _("The person has no application under way and no open contract."),
    "ground.defence": _("A contract of the person is overdue."),
    "ground.no_breach": _("No contract of the person is overdue, so there is no breach to defend against."),
    "ground.law": _("A duty by law: %(article)s."),
    "demand.incomplete": _("The demand lacks: %(missing)s (%(article)s)."),
    "demand.in_future": _("The demand is dated in the future."),
    "consent.scope_missing": _(
        "The consent %(form)s is given for one report or one request at a time: say for which one."
    ),
    "consent.unknown": _("The person was never asked for the consent %(form)s that this transfer needs."),
    "consent.requested": _("The person was asked for the consent %(form)s and has not answered."),
    "consent.request_deferred": _("The person postponed the answer to the consent %(form)s."),
    "consent.not_given": _("The person postponed the consent %(form)s too often: it is not given."),
    "consent.pending_confirmation": _("The consent %(form)s waits for a second officer to compare it with the paper."),
    "consent.refused": _("The person refused the consent %(form)s."),
    "consent.withdrawn": _("The person withdrew the consent %(form)s."),
    "consent.withdrawal_deferred": _(
        "The person withdrew the consent %(form)s; until the loan is repaid it covers only what the loan needs."
    ),
    "consent.expired": _("The term of the consent %(form)s has ended."),
    "consent.revoked": _("The organisation ended the consent %(form)s."),
    "consent.invalidated": _("The consent %(form)s was found invalid."),
    "consent.text_unknown": _("The text or the language of the consent %(form)s is not known, so it covers nothing."),
    "consent.purpose_not_named": _("The text of the consent %(form)s that the person saw does not name this purpose."),
    "consent.recipient_not_named": _(
        "The text of the consent %(form)s that the person saw does not name this kind of recipient."
    ),
    "consent.not_written": _("Microcredit secrecy needs a written consent; the consent %(form)s is not in writing."),
    "categories.ok": _("Every category is covered."),
    "categories.none": _("No category of data is named."),
    "categories.unknown": _("Not on the list of personal data: %(excess)s."),
    "categories.rule": _("The transfer rule does not cover: %(excess)s."),
    "categories.matrix": _("The purpose does not need: %(excess)s."),
    "categories.agreement": _("The agreement with the recipient does not cover: %(excess)s."),
    "categories.consent": _("The text of the consent that the person saw does not name: %(excess)s."),
    "agreement.ok": _("An agreement with a clause on confidentiality is in force."),
    "agreement.none": _("There is no agreement with “%(recipient)s”."),
    "agreement.ended": _("The agreement with the recipient is not in force at that moment."),
    "agreement.not_confidential": _("The agreement has no clause on confidentiality (policy 4.2)."),
    "agreement.not_needed": _("No agreement is made with an authority."),
    "country.home": _("The recipient is in Kazakhstan."),
    "country.adequate": _("The country %(country)s protects personal data."),
    "country.consent": _("The person consented to the transfer abroad (%(form)s)."),
    "country.inadequate": _("The country %(country)s does not protect personal data, and there is no consent to it."),
    "country.unlisted": _("The country %(country)s is not in the register, and there is no consent to it."),
    "objection.none": _("The person has not objected."),
    "objection.stands": _("The person objected to this purpose."),
    "actor.ok": _("Who asks is admitted."),
    "actor.nobody": _("Who asks is neither an officer nor a system of ours."),
    "actor.inactive": _("The account of who asks is closed."),
    "actor.no_right": _("Who asks has no right to transfer data."),
    "actor.no_undertaking": _("Who asks has not accepted the confidentiality undertaking (policy 4.3)."),
    # the smallest change
    "mend.drop_categories": _("Allowed without: %(excess)s."),
    "mend.widen": _("Allowed after the rule, the matrix, the agreement and the consent cover: %(excess)s."),
    "mend.consent": _("Allowed after the person gives the consent %(form)s for “%(recipient)s”."),
    "mend.name_scope": _("Allowed after the report or the request is named that the consent %(form)s was given for."),
    "mend.consent_abroad": _("Allowed after the country is found to protect data or the person consents (%(form)s)."),
    "mend.purpose": _("Allowed after the purpose “%(purpose)s” is put in force."),
    "mend.publish": _("Allowed after a policy that declares it is published."),
    "mend.declare": _("Allowed after a clause of the policy declares the purpose “%(purpose)s”."),
    "mend.declare_recipient": _("Allowed after a clause of the policy names “%(recipient)s” or its kind."),
    "mend.rule": _("Allowed after two officers open a rule for “%(recipient)s” and the purpose “%(purpose)s”."),
    "mend.overdue": _("Allowed when a contract of the person is overdue."),
    "mend.application": _("Allowed after the person applies for a microcredit."),
    "mend.demand": _("Allowed after the demand states: %(missing)s."),
    "mend.demand_date": _("Allowed after the date of the demand is corrected."),
    "mend.name_categories": _("Allowed after at least one category is named."),
    "mend.agreement": _("Allowed after an agreement with the recipient is in force."),
    "mend.confidentiality": _("Allowed after the agreement gets a clause on confidentiality."),
    "mend.objection": _("Allowed after the person takes the objection back."),
    "mend.admit": _("Allowed after an administrator gives who asks the right."),
    "mend.undertaking": _("Allowed after who asks accepts the confidentiality undertaking."),
}
_DEMAND = {
    "body": _("the body that asks"),
    "article": _("the article"),
    "request_number": _("the number of the letter"),
    "request_date": _("the date of the letter"),
    "sanction": _("the sanction"),
}
# the parameters that are codes, and the words for them
_WORDS: dict[str, dict[str, Any]] = {
    "standing": dict(Standing.choices),
    "kind": dict(RecipientKind.choices),
    "ground": dict(TransferGround.choices),
    "direction": dict(Direction.choices),
    "missing": _DEMAND,
}


@cache
def _in(language: str, code: str) -> str:
    with translation.override(language):
        return str(SENTENCES[code])


@lru_cache(maxsize=4096)
def _word(language: str, name: str, value: str) -> str:
    with translation.override(language):
        if name == "article":
            return cited(value)
        return str(_WORDS[name].get(value, value)) if name in _WORDS else value


def say(code: str, params: dict[str, Any], language: str) -> str:
    """The sentence of a code in a language. params: codes, a list of codes, or texts that stand as they are."""
    words = {}
    for name, value in params.items():
        listed = value if isinstance(value, list | tuple) else [value]
        words[name] = ", ".join(_word(language, name, str(item)) for item in listed)
    return _in(language, code) % words


@lru_cache(maxsize=4096)
def _message(code: str, params: tuple[tuple[str, Any], ...]) -> dict[str, str]:
    told = dict(params)
    return {language: say(code, told, language) for language in Language.values}


def message(code: str, params: dict[str, Any]) -> dict[str, str]:
    """{"kk", "ru", "en"} of a step or a change; not to be changed, since the same answer comes often."""
    told = ((name, tuple(value) if isinstance(value, list) else value) for name, value in params.items())
    return _message(code, tuple(told))
