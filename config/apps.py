from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class ConfigConfig(AppConfig):
    name = "config"
    default = True


class KelisimAdminConfig(SimpleAdminConfig):
    default_site = "config.admin_site.KelisimAdminSite"

    def ready(self) -> None:
        super().ready()
        self.module.autodiscover()
