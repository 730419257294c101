from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StaffConfig(AppConfig):
    name = "staff"
    verbose_name = _("Staff")

    def ready(self) -> None:
        from audit.history import track
        from staff.models import Operator, RoleGrant, StaffUser

        track(Operator)
        track(StaffUser, exclude=["password"])
        track(RoleGrant)
