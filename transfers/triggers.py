"""What the database itself holds to: no transfer after a committed withdrawal (94-V art. 8, 15)."""

import pgtrigger
from django.db import models

from audit.triggers import HouseTrigger
from consent.enums import RecipientKind
from transfers.enums import Direction, bureau_form, lawful_grounds, secret


class FrozenRecipient(HouseTrigger):
    """A recipient that a rule, an agreement or a form's scope may name stays who it was."""

    name = "frozen_recipient"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Update

    def get_func(self, model: type[models.Model]) -> str:
        return """
            IF NEW.code <> OLD.code THEN
                RAISE EXCEPTION 'the code of a recipient never changes'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_recipient_frozen';
            END IF;
            IF (NEW.kind <> OLD.kind OR NEW.country <> OLD.country OR NEW.bin <> OLD.bin AND OLD.bin <> '') AND (
                EXISTS (SELECT 1 FROM transfers_transferrule r
                        WHERE r.recipient_id = OLD.id AND r.in_force_during IS NOT NULL)
                OR EXISTS (SELECT 1 FROM transfers_agreement a
                           WHERE a.recipient_id = OLD.id AND a.in_force_during IS NOT NULL)) THEN
                RAISE EXCEPTION 'a recipient with a rule or an agreement keeps kind, country and BIN: enter a new one'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_recipient_frozen';
            END IF;
            RETURN NEW;
        """


class LawfulRule(HouseTrigger):
    """No rule is proposed or opened on a ground that the law does not give for it (ADR 18).

    One in force is frozen by then and only ends.
    """

    name = "lawful_rule"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update

    def get_func(self, model: type[models.Model]) -> str:
        lawful = ", ".join(
            f"('{kind!s}', '{direction!s}', '{ground!s}', '{bureau_form(kind, direction)}', {secret(kind, direction)})"
            for kind in RecipientKind
            for direction in Direction
            for ground in sorted(lawful_grounds(kind, direction))
        )
        return f"""
            IF TG_OP = 'UPDATE' AND OLD.in_force_during IS NOT NULL THEN
                RETURN NEW;
            END IF;
            IF NOT EXISTS (
                SELECT 1 FROM (VALUES {lawful}) AS l(kind, direction, ground, form, written)
                JOIN transfers_recipient r ON r.id = NEW.recipient_id AND r.kind = l.kind
                WHERE l.direction = NEW.direction AND l.ground = NEW.ground
                    AND (NEW.ground <> 'consent' OR (NEW.written OR NOT l.written) AND (l.form = '' OR EXISTS (
                        SELECT 1 FROM consent_consentform f WHERE f.id = NEW.form_id AND f.code = l.form)))
            ) OR NEW.ground <> 'consent' AND EXISTS (
                SELECT 1 FROM consent_purpose p
                WHERE p.id = NEW.purpose_id AND p.ground = 'consent' AND NOT p.required) THEN
                RAISE EXCEPTION 'the law gives no such ground for this transfer'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_rule_lawful';
            END IF;
            RETURN NEW;
        """


def _consents_stand(transfer: str) -> str:
    """Lock the consents and look again: a withdrawal under way is waited for, a committed one is seen.

    The ground's and the one that opened the country, of whatever has a token: shadow mode forgives what is not set up,
    never a withdrawal. A deferred withdrawal leaves what the loan needs and nothing else (94-V art. 8(2)). A term is
    held against the moment the row says, so triggers that call this have names after `event_stamp`: PostgreSQL goes by
    the alphabet.
    """
    deferred = f"""OR s.state = 'withdrawal_deferred' AND EXISTS (
        SELECT 1 FROM consent_purpose p WHERE p.id = {transfer}.purpose_id AND p.required)"""

    def look(column: str, deferred: str) -> str:
        return f"""
            IF {transfer}.{column} IS NOT NULL THEN
                PERFORM 1 FROM consent_consentstate s
                WHERE s.id = {transfer}.{column} AND s.subject_id = {transfer}.subject_id
                    AND (s.state IN ('given', 'renewed') {deferred})
                    AND (s.until IS NULL OR s.until > NEW.at) FOR SHARE;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'the consent does not stand any more'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_consent_stands';
                END IF;
            END IF;
        """

    return look("consent_state_id", deferred) + look("abroad_state_id", "")


class ConsentStillStands(HouseTrigger):
    """What may go on consent is written only while the consent stands, whatever the gate read before."""

    name = "standing_consent"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Insert

    def get_func(self, model: type[models.Model]) -> str:
        return f"""
            IF NEW.token_expires_at IS NOT NULL THEN
                {_consents_stand("NEW")}
            END IF;
            RETURN NEW;
        """


class ReleasedInTime(HouseTrigger):
    """Data go within the token's life, while the consent stands and nobody stopped it; what was refused never goes.

    A duty by law goes on in spite of an objection or a restriction, not of a block (94-V art. 1, DESIGN 5).
    """

    name = "released_in_time"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Insert

    def get_func(self, model: type[models.Model]) -> str:
        return f"""
            SELECT * INTO _transfer FROM transfers_transfer t WHERE t.id = NEW.transfer_id;
            IF _transfer.token_expires_at IS NULL OR _transfer.token_expires_at <= clock_timestamp() THEN
                RAISE EXCEPTION 'this transfer was refused or its time is over'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_released_in_time';
            END IF;
            {_consents_stand("_transfer")}
            IF NOT EXISTS (
                SELECT 1 FROM subjects_datasubject d WHERE d.id = _transfer.subject_id AND d.blocked_at IS NULL AND (
                    d.standing IN ('ordinary', 'disputed_address')
                    OR _transfer.ground = 'law' AND d.standing NOT IN ('blocked', 'erased')))
            OR _transfer.ground <> 'law' AND EXISTS (
                SELECT 1 FROM consent_objection o WHERE o.subject_id = _transfer.subject_id
                    AND o.purpose_id = _transfer.purpose_id AND o.in_force_during @> NEW.at) THEN
                RAISE EXCEPTION 'the person was blocked or objected since'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_person_not_stopped';
            END IF;
            RETURN NEW;
        """

    def render_declare(self, model: type[models.Model]) -> str:
        return "DECLARE _transfer transfers_transfer%ROWTYPE;"


class NeverReopened(HouseTrigger):
    """What was written down as sent or confirmed stays so, and what a task is about never changes."""

    name = "never_reopened"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: type[models.Model]) -> str:
        return """
            IF TG_OP = 'DELETE' OR OLD.confirmed_at IS NOT NULL
                OR OLD.sent_at IS NOT NULL AND (NEW.sent_at, NEW.sent_by_id, NEW.channel, NEW.letter_sha256)
                    IS DISTINCT FROM (OLD.sent_at, OLD.sent_by_id, OLD.channel, OLD.letter_sha256)
                OR (NEW.recipient_id, NEW.subject_id, NEW.reason, NEW.cause, NEW.categories, NEW.transfers,
                    NEW.disclosure, NEW.opened_at)
                IS DISTINCT FROM (OLD.recipient_id, OLD.subject_id, OLD.reason, OLD.cause, OLD.categories,
                    OLD.transfers, OLD.disclosure, OLD.opened_at) THEN
                RAISE EXCEPTION 'a task to tell a recipient goes forward only'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_told_forward';
            END IF;
            RETURN NEW;
        """


class DemandSteps(HouseTrigger):
    """A demand goes one step at a time; nobody signs for somebody else; what was withheld stays so.

    The data that answer it are those of its own person and recipient, and as withheld as it is.
    """

    name = "demand_steps"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update

    def render_declare(self, model: type[models.Model]) -> str:
        return (
            "DECLARE _officer bigint := CASE WHEN current_setting('kelisim.actor', true) ~ '^officer:[0-9]+$'"
            " THEN substr(current_setting('kelisim.actor', true), 9)::bigint END;"
        )

    def get_func(self, model: type[models.Model]) -> str:
        from transfers.models.demands import TRANSITIONS

        steps = ", ".join(
            f"('{before!s}', '{after!s}')" for before, all_after in TRANSITIONS.items() for after in sorted(all_after)
        )
        signed = " OR ".join(
            f"(NEW.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM _officer AND"
            f" CASE WHEN TG_OP = 'INSERT' THEN true ELSE NEW.{c} IS DISTINCT FROM OLD.{c} END)"
            for c in ("decided_by_id", "approved_by_id")
        )
        return f"""
            IF {signed} THEN
                RAISE EXCEPTION 'nobody signs for somebody else'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_demand_own_signature';
            END IF;
            IF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'received' THEN
                    RAISE EXCEPTION 'a demand begins as received'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_demand_steps';
                END IF;
                RETURN NEW;
            END IF;
            IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({steps}) THEN
                RAISE EXCEPTION 'a demand that is % does not become %', OLD.state, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_demand_steps';
            END IF;
            IF OLD.disclosure = 'withheld' AND NEW.disclosure <> 'withheld' THEN
                RAISE EXCEPTION 'what was withheld stays withheld'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_demand_stays_withheld';
            END IF;
            IF NEW.transfer_id IS DISTINCT FROM OLD.transfer_id AND NEW.transfer_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM transfers_transfer t JOIN transfers_release r ON r.transfer_id = t.id
                WHERE t.id = NEW.transfer_id AND t.subject_id = NEW.subject_id AND t.recipient_id = NEW.recipient_id
                    AND (NEW.disclosure = 'subject' OR t.disclosure = 'withheld')) THEN
                RAISE EXCEPTION 'this transfer does not answer the demand'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_demand_its_own_transfer';
            END IF;
            RETURN NEW;
        """


class BatchSteps(HouseTrigger):
    """What was checked and shown is what is confirmed and done; a batch goes one step at a time."""

    name = "batch_steps"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update

    def render_declare(self, model: type[models.Model]) -> str:
        return (
            "DECLARE _officer bigint := CASE WHEN current_setting('kelisim.actor', true) ~ '^officer:[0-9]+$'"
            " THEN substr(current_setting('kelisim.actor', true), 9)::bigint END;"
        )

    def get_func(self, model: type[models.Model]) -> str:
        from transfers.models.batches import TRANSITIONS

        steps = ", ".join(
            f"('{before!s}', '{after!s}')" for before, all_after in TRANSITIONS.items() for after in sorted(all_after)
        )
        frozen = " OR ".join(
            f"NEW.{name} IS DISTINCT FROM OLD.{name}"
            for name in ("kind", "recipient_id", "purpose_id", "categories", "sha256", "started_by_id")
        )
        counted = " OR ".join(
            f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in ("allowed", "refused", "gaps", "state")
        )
        return f"""
            IF TG_OP = 'INSERT' THEN
                IF NEW.act <> 'preview' THEN
                    RAISE EXCEPTION 'a batch begins with a preview'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_batch_steps';
                END IF;
                RETURN NEW;
            END IF;
            IF {frozen} OR OLD.act <> 'preview' AND ({counted}) THEN
                RAISE EXCEPTION 'what was checked is what is confirmed and done'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_batch_frozen';
            END IF;
            IF NEW.act <> OLD.act AND (OLD.act, NEW.act) NOT IN ({steps}) THEN
                RAISE EXCEPTION 'a batch that is % does not become %', OLD.act, NEW.act
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_batch_steps';
            END IF;
            IF NEW.confirmed_by_id IS DISTINCT FROM OLD.confirmed_by_id
                AND NEW.confirmed_by_id IS DISTINCT FROM _officer THEN
                RAISE EXCEPTION 'nobody signs for somebody else'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_batch_own_signature';
            END IF;
            RETURN NEW;
        """
