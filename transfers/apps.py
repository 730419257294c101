from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TransfersConfig(AppConfig):
    name = "transfers"
    verbose_name = _("Transfers")

    def ready(self) -> None:
        from audit.history import track
        from notifications import ports as outbox
        from transfers import letters, models

        for model in (
            models.Recipient,
            models.RecipientClause,
            models.Agreement,
            models.Country,
            models.TransferRule,
            models.ShadowMode,
        ):
            track(model)
        for kind in letters.KINDS:
            outbox.register(kind)
