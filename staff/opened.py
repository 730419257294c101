"""Rows of registers that open something: in force when a second person approved them, closed the same way (DESIGN 5).

The one mechanism for the matrix, retention rules, lists of data, transfer rules, agreements: a row is proposed,
approved, proposed for closing, closed. What is in force is never edited: a change is a new row that replaces it.
"""

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.triggers import HouseTrigger

SIGNATURES = ("proposed_by_id", "approved_by_id", "closing_proposed_by_id", "closing_approved_by_id")
CLOSING = ("closing_proposed_by_id", "closing_proposed_at", "closing_approved_by_id", "closing_approved_at")


class OpenedByTwo(HouseTrigger):
    """Nobody signs for somebody else; what is in force is frozen but for its end; only `load_registers` opens alone."""

    name = "opened_by_two"
    when, level = pgtrigger.Before, pgtrigger.Row
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def render_declare(self, model: type[models.Model]) -> str:
        return (
            "DECLARE _actor text := coalesce(current_setting('kelisim.actor', true), '');"
            " _officer bigint := CASE WHEN _actor ~ '^officer:[0-9]+$' THEN substr(_actor, 9)::bigint END;"
        )

    def get_func(self, model: type[models.Model]) -> str:
        table = model._meta.db_table
        signed = " OR ".join(
            f"(NEW.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM _officer AND"
            f" CASE WHEN TG_OP = 'INSERT' THEN true ELSE NEW.{c} IS DISTINCT FROM OLD.{c} END)"
            for c in SIGNATURES
        )
        content = " OR ".join(
            f'NEW."{field.column}" IS DISTINCT FROM OLD."{field.column}"'
            for field in model._meta.concrete_fields
            if field.column not in (*CLOSING, "in_force_during")
        )
        return f"""
            IF TG_OP = 'DELETE' THEN
                IF OLD.in_force_during IS NOT NULL THEN
                    RAISE EXCEPTION 'a row of {table} that was in force is closed, never deleted'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'opened_frozen';
                END IF;
                RETURN OLD;
            END IF;
            IF {signed} THEN
                RAISE EXCEPTION 'nobody signs for somebody else'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'opened_own_signature';
            END IF;
            IF TG_OP = 'INSERT' THEN
                IF NEW.loaded AND _actor !~ '^(command:load_registers@|migration:)' THEN
                    RAISE EXCEPTION 'only load_registers loads a register'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'opened_loaded';
                END IF;
                RETURN NEW;
            END IF;
            IF NEW.loaded <> OLD.loaded OR (OLD.in_force_during IS NOT NULL AND (
                {content}
                OR lower(NEW.in_force_during) IS DISTINCT FROM lower(OLD.in_force_during)
                OR (upper(OLD.in_force_during) IS NOT NULL
                    AND upper(NEW.in_force_during) IS DISTINCT FROM upper(OLD.in_force_during)))) THEN
                RAISE EXCEPTION 'what is in force in {table} is frozen: a change is a new row'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'opened_frozen';
            END IF;
            RETURN NEW;
        """


class OpenedQuerySet(models.QuerySet):
    def in_force(self, at=None):
        """Rows in force at the moment `at` (aware datetime, now by default)."""
        return self.filter(in_force_during__contains=at or timezone.now())

    def waiting(self):
        """Rows a second person has to decide on: proposed and not approved, or proposed for closing."""
        return self.filter(
            Q(proposed_by__isnull=False, in_force_during=None)
            | Q(closing_proposed_by__isnull=False, closing_approved_by=None)
        )


def _staff(verbose_name: object) -> models.ForeignKey:
    return models.ForeignKey(
        "staff.StaffUser", models.PROTECT, verbose_name=verbose_name, null=True, related_name="+", editable=False
    )


def _when(verbose_name: object) -> models.DateTimeField:
    return models.DateTimeField(verbose_name, null=True, editable=False)


def _both(who: str, when: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{who: None, when: None}) | Q(**{f"{who}__isnull": False, f"{when}__isnull": False}),
        name=f"%(app_label)s_%(class)s_{when}",
    )


class Opened(models.Model):
    """The base of such a row; a subclass's Meta inherits `Opened.Meta` and adds its own constraints to the lists."""

    # the fields that say what a row is about: of one thing one row is in force; () when the register is one thing
    identity: ClassVar[tuple[str, ...]] = ()

    loaded = models.BooleanField(_("came with the product"), default=False, editable=False)
    proposed_by, proposed_at = _staff(_("proposed by")), _when(_("proposed at"))
    approved_by, approved_at = _staff(_("approved by")), _when(_("approved at"))
    closing_proposed_by, closing_proposed_at = _staff(_("closing proposed by")), _when(_("closing proposed at"))
    closing_approved_by, closing_approved_at = _staff(_("closing approved by")), _when(_("closing approved at"))
    in_force_during = DateTimeRangeField(_("in force"), null=True, editable=False)

    objects = OpenedQuerySet.as_manager()

    class Meta:
        abstract = True
        default_permissions = ("add", "change", "delete", "view", "approve")
        triggers = [OpenedByTwo()]
        constraints = [
            _both("proposed_by", "proposed_at"),
            _both("approved_by", "approved_at"),
            _both("closing_proposed_by", "closing_proposed_at"),
            _both("closing_approved_by", "closing_approved_at"),
            # four eyes; a plain <> would pass on NULL
            models.CheckConstraint(
                condition=Q(in_force_during=None, approved_by=None)
                | Q(loaded=True)
                | Q(proposed_by__isnull=False, approved_by__isnull=False) & ~Q(approved_by=F("proposed_by")),
                name="%(app_label)s_%(class)s_four_eyes",
                violation_error_message=_("Whoever proposed a change does not approve it."),
            ),
            models.CheckConstraint(
                condition=Q(in_force_during=None, closing_approved_by=None)
                | Q(in_force_during__upper_inf=True, closing_approved_by=None)
                | Q(closing_proposed_by__isnull=False, closing_approved_by__isnull=False)
                & ~Q(closing_approved_by=F("closing_proposed_by")),
                name="%(app_label)s_%(class)s_closed_by_two",
                violation_error_message=_("Whoever proposed a change does not approve it."),
            ),
        ]

    @property
    def is_in_force(self) -> bool:
        return self.in_force_during is not None and timezone.now() in self.in_force_during
