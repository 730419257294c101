from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PoliciesConfig(AppConfig):
    name = "policies"
    verbose_name = _("Policies")

    def ready(self) -> None:
        from audit.history import track
        from notifications import ports
        from policies import letters, models

        for model in (
            models.Policy,
            models.PolicyVersion,
            models.PolicySource,
            models.Clause,
            models.Finding,
            models.LegalAct,
        ):
            track(model)
        ports.register(letters.POLICY_CHANGED)
