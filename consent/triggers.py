"""What the database itself holds to: forms go step by step, signed by two; papers are confirmed by two (DESIGN 5)."""

import pgtrigger
from django.db import models

from audit.triggers import HouseTrigger
from consent.enums import FORM_TRANSITIONS

_PEOPLE = ("submitted_by_id", "approved_by_id")


class FormSteps(HouseTrigger):
    """Four eyes and frozen texts: a version goes step by step, signed by who acts; what is in review never changes."""

    name = "form_steps"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def render_declare(self, model: type[models.Model]) -> str:
        return (
            "DECLARE _actor text := coalesce(current_setting('kelisim.actor', true), '');"
            " _officer bigint := CASE WHEN _actor ~ '^officer:[0-9]+$' THEN substr(_actor, 9)::bigint END;"
        )

    def get_func(self, model: type[models.Model]) -> str:
        free = {"state", "in_force_during", "submitted_by_id", "submitted_at", "approved_by_id", "approved_at"}
        content = " OR ".join(
            f'NEW."{f.column}" IS DISTINCT FROM OLD."{f.column}"'
            for f in model._meta.concrete_fields
            if f.column not in free
        )
        signed = " OR ".join(
            f"(NEW.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM _officer AND"
            f" CASE WHEN TG_OP = 'INSERT' THEN true ELSE NEW.{c} IS DISTINCT FROM OLD.{c} END)"
            for c in _PEOPLE
        )
        steps = ", ".join(
            f"('{source}', '{target}')" for source in FORM_TRANSITIONS for target in sorted(FORM_TRANSITIONS[source])
        )
        wrong = "USING ERRCODE = 'check_violation', CONSTRAINT ="
        return f"""
            IF TG_OP = 'DELETE' THEN
                IF OLD.state <> 'draft' THEN
                    RAISE EXCEPTION 'only a draft is deleted' {wrong} 'consent_form_frozen';
                END IF;
                RETURN OLD;
            END IF;
            IF {signed} THEN
                RAISE EXCEPTION 'nobody signs for somebody else' {wrong} 'consent_form_own_signature';
            END IF;
            IF NEW.state = 'approved' AND NEW.approved_by_id IS NOT NULL AND EXISTS (
                SELECT 1 FROM consent_historicalconsentformversion h
                WHERE h.id = NEW.id AND h.history_user_id = NEW.approved_by_id AND h.state = 'draft'
                UNION ALL
                SELECT 1 FROM consent_historicalformitem h
                WHERE h.version_id = NEW.id AND h.history_user_id = NEW.approved_by_id
            ) THEN
                RAISE EXCEPTION 'whoever wrote a form does not approve it' {wrong} 'consent_form_author_approves';
            END IF;
            IF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'draft' AND _actor !~ '^(command:load_registers@|migration:)' THEN
                    RAISE EXCEPTION 'a version begins as a draft' {wrong} 'consent_form_steps';
                END IF;
                RETURN NEW;
            END IF;
            IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({steps}) THEN
                RAISE EXCEPTION 'a form that is % does not become %', OLD.state, NEW.state {wrong} 'consent_form_steps';
            END IF;
            IF OLD.state <> 'draft' AND ({content}) THEN
                RAISE EXCEPTION 'a form in review, or approved, is frozen' {wrong} 'consent_form_frozen';
            END IF;
            IF OLD.state = 'approved' AND (
                NEW.approved_by_id IS DISTINCT FROM OLD.approved_by_id
                OR NEW.submitted_by_id IS DISTINCT FROM OLD.submitted_by_id
                OR lower(NEW.in_force_during) IS DISTINCT FROM lower(OLD.in_force_during)
                OR (upper(OLD.in_force_during) IS NOT NULL
                    AND upper(NEW.in_force_during) IS DISTINCT FROM upper(OLD.in_force_during))) THEN
                RAISE EXCEPTION 'nothing approved is taken back' {wrong} 'consent_form_frozen';
            END IF;
            RETURN NEW;
        """


class FrozenItems(HouseTrigger):
    """The items of a form change while it is a draft and never after, INSERT included."""

    name = "frozen_items"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: type[models.Model]) -> str:
        # FOR SHARE waits for a submission that is under way, so nothing slips in behind it
        def check(row: str) -> str:
            return f"""
                PERFORM 1 FROM consent_consentformversion v
                WHERE v.id = {row}.version_id AND v.state = 'draft' FOR SHARE;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'the items of this form are frozen'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_form_frozen';
                END IF;
            """

        return f"""
            IF TG_OP <> 'INSERT' THEN {check("OLD")} END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            IF TG_OP = 'INSERT' OR NEW.version_id IS DISTINCT FROM OLD.version_id THEN {check("NEW")} END IF;
            RETURN NEW;
        """


class FrozenEntries(HouseTrigger):
    """What stands on an edition of the list of data is what was approved: nothing is added, taken out or renamed."""

    name = "frozen_entries"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: type[models.Model]) -> str:
        # FOR SHARE waits for an approval that is under way
        def check(row: str) -> str:
            return f"""
                PERFORM 1 FROM consent_datalist l
                WHERE l.id = {row}.data_list_id AND l.in_force_during IS NULL FOR SHARE;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'an approved list of data is frozen: a change is a new edition'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_list_frozen';
                END IF;
            """

        return f"""
            IF TG_OP <> 'INSERT' THEN {check("OLD")} END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            IF TG_OP = 'INSERT' OR NEW.data_list_id IS DISTINCT FROM OLD.data_list_id THEN {check("NEW")} END IF;
            RETURN NEW;
        """


class ConfirmedByTwo(HouseTrigger):
    """What one officer typed from paper is no consent until another one compared it with the paper."""

    name = "confirmed_by_two"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Insert

    def get_func(self, model: type[models.Model]) -> str:
        return """
            IF NEW.kind IN ('given', 'renewed') AND NEW.trust = 'staff_confirmed' AND NOT EXISTS (
                SELECT 1 FROM consent_consentevent e
                WHERE e.id = NEW.about_id AND e.kind = 'pending_confirmation' AND e.form_id = NEW.form_id
                    AND e.subject_id = NEW.subject_id AND e.scope = NEW.scope AND e.user_id IS NOT NULL
                    AND e.user_id::text <> coalesce(substring(
                        current_setting('kelisim.actor', true) from '^officer:([0-9]+)$'), e.user_id::text)
            ) THEN
                RAISE EXCEPTION 'whoever typed a consent does not confirm it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_confirmed_by_two';
            END IF;
            RETURN NEW;
        """


class NumberedOnce(HouseTrigger):
    """A row of the change feed gets its number once; nothing else in it changes and none is taken out."""

    name = "numbered_once"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: type[models.Model]) -> str:
        content = " OR ".join(
            f'NEW."{f.column}" IS DISTINCT FROM OLD."{f.column}"'
            for f in model._meta.concrete_fields
            if f.column != "position"
        )
        return f"""
            IF TG_OP = 'DELETE' OR OLD.position IS NOT NULL OR {content} THEN
                RAISE EXCEPTION 'the change feed is append-only'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_change_append_only';
            END IF;
            RETURN NEW;
        """


class PublishedKey(HouseTrigger):
    """A key that receipts were signed with stays what it was: only its wrapping changes, and its end is set once."""

    name = "published_key"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: type[models.Model]) -> str:
        return """
            IF TG_OP = 'DELETE' OR NEW.key_id <> OLD.key_id OR NEW.public_key <> OLD.public_key
                OR lower(NEW.in_force_during) IS DISTINCT FROM lower(OLD.in_force_during)
                OR (upper(OLD.in_force_during) IS NOT NULL
                    AND upper(NEW.in_force_during) IS DISTINCT FROM upper(OLD.in_force_during)) THEN
                RAISE EXCEPTION 'a key of receipts stays published as it was'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_receipt_key_published';
            END IF;
            RETURN NEW;
        """


class SaidByTwo(HouseTrigger):
    """What is said of a purpose is what an edition approved by two says, or what `load_registers` began with."""

    name = "said_by_two"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def render_declare(self, model: type[models.Model]) -> str:
        return "DECLARE _actor text := coalesce(current_setting('kelisim.actor', true), '');"

    def get_func(self, model: type[models.Model]) -> str:
        # the bare title is modeltranslation's own copy; the place in the list says nothing
        free = {"id", "title", "order"}
        columns = [field.column for field in model._meta.concrete_fields if field.column not in free]
        changed = " OR ".join(f'NEW."{column}" IS DISTINCT FROM OLD."{column}"' for column in columns)
        same = " AND ".join(f'e."{column}" IS NOT DISTINCT FROM NEW."{column}"' for column in columns)
        wrong = "USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_purpose_by_two'"
        return f"""
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a purpose gets a last day, it is never deleted' {wrong};
            END IF;
            IF _actor ~ '^migration:' OR (TG_OP = 'INSERT' AND _actor ~ '^command:load_registers@') THEN
                RETURN NEW;
            END IF;
            IF TG_OP = 'UPDATE' THEN
                IF NOT ({changed}) THEN RETURN NEW; END IF;
            END IF;
            IF NOT EXISTS (
                SELECT 1 FROM consent_purposeedition e
                WHERE upper_inf(e.in_force_during) AND e.approved_by_id IS NOT NULL AND {same}
            ) THEN
                RAISE EXCEPTION 'a purpose is changed by an edition that two people signed' {wrong};
            END IF;
            RETURN NEW;
        """
