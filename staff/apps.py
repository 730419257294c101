from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class StaffConfig(AppConfig):
    name = "staff"
    verbose_name = _("Staff")

    def ready(self) -> None:
        from audit.history import track
        from staff import ports
        from staff.models import Operator, RoleGrant, StaffUser, Undertaking

        track(Operator)
        track(StaffUser, exclude=["password"])
        track(RoleGrant)
        track(Undertaking)
        checks.register(ports.missing_handlers)
