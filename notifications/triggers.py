"""What the database refuses about letters, whoever asks. `Letter` is a queue without a history, so what a history
would show cannot happen: a letter is neither deleted nor turned into another one."""

import pgtrigger
from django.db import models

from audit.triggers import HouseTrigger
from notifications.enums import TERMINAL

# to whom, of what kind, because of what, since when
FIXED = ("id", "subject", "staff", "kind", "cause", "campaign", "created_at")


class LetterStateGuard(HouseTrigger):
    """From a terminal state a letter goes nowhere, but `uncertain → queued`, and that by a named officer."""

    name = "letter_state"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Update

    def render_condition(self, model: type[models.Model]) -> str:
        states = ", ".join(f"'{state}'" for state in TERMINAL)
        return f"WHEN (OLD.state IN ({states}) AND OLD.state IS DISTINCT FROM NEW.state)"

    def get_func(self, model: type[models.Model]) -> str:
        return """
            IF OLD.state = 'uncertain' AND NEW.state = 'queued'
                AND coalesce(current_setting('kelisim.actor', true), '') ~ '^officer:[0-9]+$' THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'a letter that is % does not become %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
        """


class LetterIsItself(HouseTrigger):
    """Addressee, kind, cause, campaign and birth of a letter never change.

    The condition is compared by the executor: no function is called for the letters of a campaign that change state.
    """

    name = "letter_is_itself"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Update

    def render_condition(self, model: type[models.Model]) -> str:
        columns = [model._meta.get_field(name).column for name in FIXED]
        return "WHEN ({})".format(" OR ".join(f'OLD."{c}" IS DISTINCT FROM NEW."{c}"' for c in columns))

    def get_func(self, model: type[models.Model]) -> str:
        return """
            RAISE EXCEPTION 'letter % stays what it is: addressee, kind, cause and campaign never change', OLD.id
            USING ERRCODE = 'check_violation';
        """


class NeverDeleted(HouseTrigger):
    """Refuses every DELETE and TRUNCATE."""

    name = "never_deleted"
    when, level, operation = pgtrigger.Before, pgtrigger.Statement, pgtrigger.Delete | pgtrigger.Truncate

    def get_func(self, model: type[models.Model]) -> str:
        return f"""
            RAISE EXCEPTION 'nothing in {model._meta.db_table} is deleted: what was not sent is skipped, with a reason'
            USING ERRCODE = 'check_violation';
        """
