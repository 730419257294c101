"""What the database itself holds to: four eyes, frozen texts, nothing unpublished (DESIGN 5)."""

import pgtrigger
from django.db import models

from audit.triggers import HouseTrigger
from policies.enums import TRANSITIONS

# what is approved together with the clauses
CONTENT = (
    "policy_id", "number", "order_number", "order_date", "scope_kk", "scope_ru", "prevailing", "significant",
    "significance_reason_kk", "significance_reason_ru",
    "change_summary_kk", "change_summary_ru", "change_summary_en",
)  # fmt: skip
PEOPLE = ("submitted_by_id", "approved_by_id", "published_by_id", "changes_requested_by_id")
# A reason in history that begins so names, by number, the officer in whose name a command wrote.
IN_THE_NAME_OF = "by.officer."


class FourEyes(HouseTrigger):
    """Whoever signs is the officer who acts, and nobody approves what they wrote: the text, its files or its terms.

    What somebody wrote is read from history, which triggers write: from the rows of clauses and files, and from those
    rows of the version itself in which something of `CONTENT` differs from the row before. It is asked where an
    approver signs and not again: what is signed is frozen, and a published version must close when its successor comes.
    """

    name = "four_eyes"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update

    def render_declare(self, model: type[models.Model]) -> str:
        return (
            "DECLARE _officer bigint := CASE WHEN current_setting('kelisim.actor', true) ~ '^officer:[0-9]+$'"
            " THEN substr(current_setting('kelisim.actor', true), 9)::bigint END;"
        )

    def get_func(self, model: type[models.Model]) -> str:
        # TG_OP decides first: OLD does not exist in an INSERT
        signed = " OR ".join(
            f"(NEW.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM _officer AND"
            f" CASE WHEN TG_OP = 'INSERT' THEN true ELSE NEW.{c} IS DISTINCT FROM OLD.{c} END)"
            for c in PEOPLE
        )
        wrote = (
            "(h.history_user_id = NEW.approved_by_id"
            f" OR h.history_change_reason = '{IN_THE_NAME_OF}' || NEW.approved_by_id)"
        )
        content = ", ".join(f"v.{c}" for c in CONTENT)
        return f"""
            IF {signed} THEN
                RAISE EXCEPTION 'nobody signs for somebody else'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_own_signature';
            END IF;
            IF NEW.approved_by_id IS NULL
                OR (CASE WHEN TG_OP = 'UPDATE' THEN NEW.approved_by_id IS NOT DISTINCT FROM OLD.approved_by_id
                    ELSE false END) THEN
                RETURN NEW;
            END IF;
            IF EXISTS (
                SELECT 1 FROM policies_historicalclause h WHERE h.version_id = NEW.id AND {wrote}
                UNION ALL
                SELECT 1 FROM policies_historicalpolicysource h WHERE h.version_id = NEW.id AND {wrote}
            ) THEN
                RAISE EXCEPTION 'whoever wrote a clause does not approve the version'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_author_approves';
            END IF;
            IF EXISTS (
                SELECT 1 FROM (
                    SELECT v.*, ROW({content}) IS DISTINCT FROM lag(ROW({content})) OVER (ORDER BY v.history_id)
                        AS is_written
                    FROM policies_historicalpolicyversion v WHERE v.id = NEW.id
                ) h WHERE h.is_written AND {wrote}
            ) THEN
                RAISE EXCEPTION 'whoever wrote the terms of a version does not approve it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_author_approves';
            END IF;
            RETURN NEW;
        """


class StepByStep(HouseTrigger):
    """A version is born a draft and takes one step at a time, whoever moves it and by whatever statement."""

    name = "step_by_step"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.UpdateOf("state")

    def get_func(self, model: type[models.Model]) -> str:
        steps = ", ".join(
            f"('{source}', '{target}')" for source in TRANSITIONS for target in sorted(TRANSITIONS[source])
        )
        return f"""
            IF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'draft' THEN
                    RAISE EXCEPTION 'a version begins as a draft'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_steps';
                END IF;
                RETURN NEW;
            END IF;
            IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({steps}) THEN
                RAISE EXCEPTION 'a version that is % does not become %', OLD.state, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_steps';
            END IF;
            RETURN NEW;
        """


class NoGap(HouseTrigger):
    """A version in force ends where its successor begins, never in the past: no end is an unpublishing."""

    name = "no_gap"
    when, level = pgtrigger.After, pgtrigger.Row
    operation = pgtrigger.UpdateOf("in_force_during")
    timing = pgtrigger.Deferred

    def get_func(self, model: type[models.Model]) -> str:
        return """
            IF upper(NEW.in_force_during) IS DISTINCT FROM upper(OLD.in_force_during)
                AND NEW.state = 'published' AND upper(NEW.in_force_during) IS NOT NULL
                AND (upper(NEW.in_force_during) < transaction_timestamp() OR NOT EXISTS (
                    SELECT 1 FROM policies_policyversion v
                    WHERE v.policy_id = NEW.policy_id AND v.state = 'published'
                        AND lower(v.in_force_during) = upper(NEW.in_force_during)
                )) THEN
                RAISE EXCEPTION 'a version ends where the next one begins, never in the past'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_no_gap';
            END IF;
            RETURN NULL;
        """


class FrozenVersion(HouseTrigger):
    """From `in_review` on the content is frozen; a published version never changes but for its end."""

    name = "frozen_version"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: type[models.Model]) -> str:
        content = " OR ".join(f"NEW.{c} IS DISTINCT FROM OLD.{c}" for c in CONTENT)
        kept = ("state", *PEOPLE, "submitted_at", "approved_at", "published_at", "changes_requested_at")
        people = " OR ".join(f"NEW.{c} IS DISTINCT FROM OLD.{c}" for c in kept)
        return f"""
            IF TG_OP = 'DELETE' THEN
                IF OLD.state <> 'draft' THEN
                    RAISE EXCEPTION 'only a draft is deleted'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_frozen';
                END IF;
                RETURN OLD;
            END IF;
            IF OLD.state <> 'draft' AND ({content}) THEN
                RAISE EXCEPTION 'what is being approved, or was, is frozen'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_frozen';
            END IF;
            IF OLD.state = 'published' AND ({people}
                OR lower(NEW.in_force_during) IS DISTINCT FROM lower(OLD.in_force_during)
                OR (upper(OLD.in_force_during) IS NOT NULL
                    AND upper(NEW.in_force_during) IS DISTINCT FROM upper(OLD.in_force_during))) THEN
                RAISE EXCEPTION 'nothing is unpublished'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_frozen';
            END IF;
            RETURN NEW;
        """


class FrozenClauses(HouseTrigger):
    """The texts, files and findings of a version change while it is a draft and never after, INSERT included."""

    name = "frozen_clauses"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: type[models.Model]) -> str:
        # FOR SHARE waits for a submission that is under way, so nothing slips in behind it
        return """
            IF TG_OP <> 'INSERT' THEN
                PERFORM 1 FROM policies_policyversion v WHERE v.id = OLD.version_id AND v.state = 'draft' FOR SHARE;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'the texts of this version are frozen'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_frozen';
                END IF;
            END IF;
            IF TG_OP = 'DELETE' THEN
                RETURN OLD;
            END IF;
            IF TG_OP = 'INSERT' OR NEW.version_id IS DISTINCT FROM OLD.version_id THEN
                PERFORM 1 FROM policies_policyversion v WHERE v.id = NEW.version_id AND v.state = 'draft' FOR SHARE;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'the texts of this version are frozen'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'policies_frozen';
                END IF;
            END IF;
            RETURN NEW;
        """
