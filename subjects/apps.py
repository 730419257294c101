from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class SubjectsConfig(AppConfig):
    name = "subjects"
    verbose_name = _("Data subjects")

    def ready(self) -> None:
        from audit.history import track
        from subjects import models

        track(models.DataSubject, exclude=["reference"])
        for model in (models.DataCategory, models.PersonalData, models.Task):
            track(model)
        track(models.SubjectImport, exclude=["sealed_file"])
        autodiscover_modules("cabinet_home")
