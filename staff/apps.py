from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class StaffConfig(AppConfig):
    name = "staff"
    verbose_name = _("Staff")

    def ready(self) -> None:
        from audit.history import track
        from staff import ports
        from staff.models import ApiClient, Operator, RoleGrant, StaffUser, Undertaking

        track(Operator)
        track(StaffUser, exclude=["password"])
        track(RoleGrant)
        track(Undertaking)
        track(ApiClient, exclude=["digest", "last_used_at"])
        checks.register(ports.missing_handlers)
