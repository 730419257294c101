from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        from audit.history import track
        from notifications import doorbell, ports, services
        from notifications.models import Campaign
        from staff import letters
        from staff import ports as staff_ports

        track(Campaign)
        # staff stands below and cannot register its own
        for kind in letters.KINDS:
            ports.register(ports.LetterKind(**kind._asdict()))
        staff_ports.write_letter.append(services.write)
        staff_ports.ring.append(doorbell.ring)
