from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TransfersConfig(AppConfig):
    name = "transfers"
    verbose_name = _("Transfers")

    def ready(self) -> None:
        from audit.history import track
        from audit.names import REASONS
        from consent import ports as consents
        from notifications import ports as outbox
        from subjects import ports as people
        from transfers import aftermath, demand_rules, demands, letters, models, received
        from transfers import file_runs as file_runs  # kinds of files are known to the sweep
        from transfers.packages import PackageReason

        for model in (
            models.Recipient,
            models.RecipientClause,
            models.Agreement,
            models.Country,
            models.TransferRule,
            models.ShadowMode,
            models.RecipientNotice,
            models.InboundDemand,
        ):
            track(model)
        # a history with the ciphertext would keep what was destroyed
        track(models.Quarantined, exclude=["sealed"])
        # how far it is changes every second: the page reads it, history need not
        for run in (models.TransferBatch, models.Reconciliation):
            track(run, exclude=["sealed_file", "rows_done"])
        track(models.RegistryFile, exclude=["rows_done"])
        REASONS.update({reason.value: reason.label for reason in PackageReason})
        REASONS[demands.OPENED] = demands.OPENED_LABEL
        for kind in letters.KINDS:
            outbox.register(kind)
        REASONS["quarantine"] = _("taken in from quarantine")
        consents.on_ended.append(aftermath.consent_ended)
        consents.titles_of_recipients.append(received.titles_of_recipients)
        people.on_corrected.append(aftermath.corrected)
        people.on_destruction.append(aftermath.erased)
        people.hidden_clocks.append(demand_rules.hidden_clocks)
