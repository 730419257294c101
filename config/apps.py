import gc

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.utils.module_loading import autodiscover_modules


class ConfigConfig(AppConfig):
    name = "config"
    default = True

    def ready(self) -> None:
        # without this the web process would ring at Celery's own default broker
        from config import celery  # noqa: F401

        # what stands now stays until the end; the last app to be ready
        gc.freeze()
        gc.enable()


class KelisimAdminConfig(SimpleAdminConfig):
    default_site = "config.admin_site.KelisimAdminSite"

    def ready(self) -> None:
        super().ready()
        self.module.autodiscover()
        autodiscover_modules("dashboard")
