"""What the database itself holds to: no transfer after a committed withdrawal (94-V art. 8, 15)."""

import pgtrigger
from django.db import models

from audit.triggers import HouseTrigger


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


def _consent_stands(transfer: str) -> str:
    """Lock the consent and look again: a withdrawal under way is waited for, a committed one is seen.

    A deferred withdrawal leaves what the loan needs and nothing else (94-V art. 8(2)).
    """
    return f"""
        PERFORM 1 FROM consent_consentstate s
        WHERE s.id = {transfer}.consent_state_id AND s.subject_id = {transfer}.subject_id
            AND (s.state IN ('given', 'renewed') OR s.state = 'withdrawal_deferred' AND EXISTS (
                SELECT 1 FROM consent_purpose p WHERE p.id = {transfer}.purpose_id AND p.required))
            AND (s.until IS NULL OR s.until > clock_timestamp()) FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the consent does not stand any more'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_consent_stands';
        END IF;
    """


class ConsentStillStands(HouseTrigger):
    """An allowed transfer on consent is written only while the consent stands, whatever the gate read before."""

    name = "consent_still_stands"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Insert

    def get_func(self, model: type[models.Model]) -> str:
        return f"""
            IF NEW.decision = 'allow' AND NEW.ground = 'consent' THEN
                {_consent_stands("NEW")}
            END IF;
            RETURN NEW;
        """


class ReleasedInTime(HouseTrigger):
    """Data go within the token's life and only while the consent still stands; what was refused never goes."""

    name = "released_in_time"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Insert

    def get_func(self, model: type[models.Model]) -> str:
        return f"""
            SELECT * INTO _transfer FROM transfers_transfer t WHERE t.id = NEW.transfer_id;
            IF _transfer.token_expires_at IS NULL OR _transfer.token_expires_at <= clock_timestamp() THEN
                RAISE EXCEPTION 'this transfer was refused or its time is over'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_released_in_time';
            END IF;
            IF _transfer.decision = 'allow' AND _transfer.ground = 'consent' THEN
                {_consent_stands("_transfer")}
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
