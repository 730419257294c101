"""The states of a request, the steps between them, and the trigger that keeps them and what is decided (DESIGN 7)."""

import pgtrigger
from django.db import models
from django.utils.translation import pgettext_lazy

from audit.triggers import HouseTrigger


class RequestState(models.TextChoices):
    INITIATED = "RequestInitiated", pgettext_lazy("request state", "received")
    ACKNOWLEDGED = "RequestAcknowledged", pgettext_lazy("request state", "being worked on")
    REQUIRES_ACTION = "RequestRequiresAction", pgettext_lazy("request state", "paused: something is needed")
    ACCEPTED = "RequestAccepted", pgettext_lazy("request state", "granted, the answer is being prepared")
    FULFILLED = "RequestFulfilled", pgettext_lazy("request state", "answered")
    REJECTED = "RequestRejected", pgettext_lazy("request state", "refused")
    UNFULFILLED = "RequestUnfulfilled", pgettext_lazy("request state", "closed without an answer")


class Refusal(models.TextChoices):
    LEGAL_OBLIGATION = "LegalObligationImpaired", pgettext_lazy("refusal", "a law has us keep or use the data")
    CONTRACT = "ContractPerformanceNecessity", pgettext_lazy("refusal", "the contract is not performed yet")
    CLAIM = "LegalClaimDefenceImpaired", pgettext_lazy("refusal", "the data is needed for a claim in court")
    IDENTITY = "IdentityVerificationFailure", pgettext_lazy("refusal", "it could not be established who asks")
    INFORMATION = "InformationRequired", pgettext_lazy("refusal", "what was asked for was not given to us")
    UNFOUNDED = "ProcessUnfounded", pgettext_lazy("refusal", "what is said was not confirmed")
    INFORMED = "EntityAlreadyInformed", pgettext_lazy("refusal", "this was answered before, and nothing has changed")


TRANSITIONS: dict[str, set[str]] = {
    RequestState.INITIATED: {RequestState.ACKNOWLEDGED, RequestState.UNFULFILLED},
    RequestState.ACKNOWLEDGED: {
        RequestState.REQUIRES_ACTION, RequestState.ACCEPTED, RequestState.REJECTED, RequestState.UNFULFILLED,
    },
    RequestState.REQUIRES_ACTION: {RequestState.ACKNOWLEDGED, RequestState.UNFULFILLED},
    RequestState.ACCEPTED: {RequestState.FULFILLED},
    RequestState.FULFILLED: set(),
    RequestState.REJECTED: set(),
    RequestState.UNFULFILLED: set(),
}  # fmt: skip
OPEN = (RequestState.INITIATED, RequestState.ACKNOWLEDGED, RequestState.REQUIRES_ACTION, RequestState.ACCEPTED)
GRANTED = (RequestState.ACCEPTED, RequestState.FULFILLED)
# who asks is established before a part is granted
GROUNDS_OF_A_PART = tuple(ground.value for ground in Refusal if ground != Refusal.IDENTITY)
# a step of the trigger below: one officer closes what was taken back or is asked elsewhere, two what is no request
CLOSED_FOR_A_REASON = """IF NEW.state = 'RequestUnfulfilled' AND OLD.state <> NEW.state AND NOT (CASE NEW.closing
                WHEN 'taken_back' THEN true
                WHEN 'repeats' THEN NEW.subject_id IS NOT NULL AND EXISTS (
                    SELECT 1 FROM subjects_subjectrequest r
                    WHERE r.id = NEW.duplicate_of_id AND r.subject_id = NEW.subject_id
                    AND r.state <> 'RequestUnfulfilled'
                    AND (r.disclosure = 'subject' OR NEW.disclosure = 'withheld'))
                WHEN 'no_request' THEN coalesce(NEW.approved_by_id <> NEW.decided_by_id, false)
                ELSE false
            END) THEN
                RAISE EXCEPTION 'a request is closed for a reason: taken back, a repeated one, or two say it is none'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'subjects_request_closed_why';
            END IF;"""
# a step of the trigger below: what is refused apart was asked; where something is granted, something is left to grant
REFUSED_IN_PART = f"""IF NEW.refusals <> '{{}}' AND (
                NEW.refusals - NEW.kinds::text[] <> '{{}}' OR NEW.refusing <> (NEW.refusals ?& NEW.kinds::text[])
                OR EXISTS (SELECT FROM jsonb_each_text(NEW.refusals) e WHERE coalesce(e.value, '') NOT IN {GROUNDS_OF_A_PART})
                ) THEN
                RAISE EXCEPTION 'a part of what is asked is refused, or each part of it, on a ground there is'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'subjects_request_refused_in_part';
            END IF;"""  # noqa: E501
# what the second person approves, and what stands then, is what the first proposed
AS_PROPOSED = """IF OLD.decided_by_id IS NULL AND NEW.approved_by_id IS NOT NULL THEN
                RAISE EXCEPTION 'nobody approves before somebody else proposed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'subjects_request_four_eyes';
            END IF;
            IF OLD.decided_by_id IS NOT NULL AND NEW.decided_by_id IS NOT NULL AND
                (NEW.kinds, NEW.target, NEW.category_id, NEW.refusing, NEW.refusal, NEW.refusals, NEW.closing)
                IS DISTINCT FROM
                (OLD.kinds, OLD.target, OLD.category_id, OLD.refusing, OLD.refusal, OLD.refusals, OLD.closing) THEN
                RAISE EXCEPTION 'what is decided is what was proposed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'subjects_request_as_proposed';
            END IF;"""


class RequestSteps(HouseTrigger):
    """A request begins as received and takes one step of TRANSITIONS at a time; nobody signs for somebody else."""

    name = "request_steps"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update

    def render_declare(self, model: type[models.Model]) -> str:
        return (
            "DECLARE _officer bigint := CASE WHEN current_setting('kelisim.actor', true) ~ '^officer:[0-9]+$'"
            " THEN substr(current_setting('kelisim.actor', true), 9)::bigint END;"
        )

    def get_func(self, model: type[models.Model]) -> str:
        steps = ", ".join(
            f"('{before.value}', '{after}')" for before, all_after in TRANSITIONS.items() for after in sorted(all_after)
        )
        signed = " OR ".join(
            f"(NEW.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM _officer AND"
            f" CASE WHEN TG_OP = 'INSERT' THEN true ELSE NEW.{c} IS DISTINCT FROM OLD.{c} END)"
            for c in ("identified_by_id", "decided_by_id", "approved_by_id")
        )
        return f"""
            IF {signed} THEN
                RAISE EXCEPTION 'nobody signs for somebody else'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'subjects_request_own_signature';
            END IF;
            IF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'RequestInitiated' OR num_nonnulls(NEW.decided_by_id, NEW.approved_by_id) > 0 THEN
                    RAISE EXCEPTION 'a request begins as received'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'subjects_request_steps';
                END IF;
                RETURN NEW;
            END IF;
            IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({steps}) THEN
                RAISE EXCEPTION 'a request that is % does not become %', OLD.state, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'subjects_request_steps';
            END IF;
            {CLOSED_FOR_A_REASON}
            {REFUSED_IN_PART}
            {AS_PROPOSED}
            RETURN NEW;
        """
