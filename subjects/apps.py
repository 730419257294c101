import importlib

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class SubjectsConfig(AppConfig):
    name = "subjects"
    verbose_name = _("Data subjects")

    def ready(self) -> None:
        from audit.history import track
        from audit.names import REASONS
        from notifications import ports
        from subjects import (
            deaths,
            iin_corrections,
            letters,
            life_letters,
            majority,
            models,
            register,
            request_acts,
            request_letters,
            request_targets,
            sign_in,
        )
        from subjects import ports as own_ports
        from subjects.enums import ADDRESS_RIGHT, CorrectionReason, OverrideReason, RevealReason

        track(models.DataSubject, exclude=["reference"])
        for model in (
            models.DataCategory,
            models.PersonalData,
            models.Verification,
            models.Task,
            models.Application,
            models.Contract,
            models.AutomatedDecision,
            models.LegalHold,
            models.DenylistEntry,
            models.AmlEntry,
            models.DenialDispute,
            models.Representative,
            models.PersonLink,
            models.SourceSystem,
            models.SystemCategory,
            models.TechnicalHolding,
            models.DutyRule,
            models.CalendarDay,
            models.Deadline,
            models.SubjectRequest,
            models.RequestItem,
            models.HandoverKey,
            models.IinCorrection,
            models.Death,
        ):
            track(model)
        # how far it is changes every second: the page reads it, history need not
        track(models.SubjectImport, exclude=["sealed_file", "rows_done"])
        track(models.RecordImport, exclude=["sealed_file", "rows_done"])
        REASONS.update({reason.value: reason.label for reason in (*RevealReason, *CorrectionReason, *OverrideReason)})
        REASONS[ADDRESS_RIGHT] = _("the address is right after all")
        for kind in sign_in.KINDS:
            ports.register(kind)
        ports.register(letters.KIND)
        ports.register(letters.PHONE_KIND)
        for kind in (*request_letters.KINDS, *life_letters.KINDS):
            ports.register(kind)
        REASONS[request_acts.BLOCKED] = _("blocked at the person's request")
        REASONS[request_acts.UNBLOCKED] = _("the blocking was ended at the person's request")
        REASONS[request_acts.RESTRICTED] = _("the use was stopped: the person asked for destruction")
        REASONS[iin_corrections.CORRECTED] = _("the IIN was corrected by a document")
        REASONS[deaths.DIED] = _("the person died")
        REASONS[deaths.UNDONE] = _("the death was recorded by mistake")
        REASONS[majority.CAME_OF_AGE] = _("the person came of age")
        own_ports.choices_of["human_review"] = request_acts.reviewable
        own_ports.codes_of.update({"human_review": request_targets.decisions, "complaint": request_targets.requests})
        own_ports.execute_request.update(request_acts.HANDLERS)
        checks.register(own_ports.missing_handlers)
        register.guard_prose()
        for own in ("page_parts", "page_timeline", "file_data", "file_dealings"):
            importlib.import_module(f"subjects.{own}")
        autodiscover_modules("cabinet_home", "request_home", "subject_page", "subject_file")
