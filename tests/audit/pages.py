"""An admin site of the tests' own, so that what is tested is the bases and nobody's declarations; and ways to read it."""

import re

from django.contrib.auth.models import Permission
from django.urls import path, reverse
from django.utils.html import strip_tags

from audit.admin import AccessRecordAdmin, HistoryAdmin, HouseAdmin, ReadOnlyAdmin
from audit.models import AccessRecord
from config import urls
from config.admin_site import KelisimAdminSite
from policies.models import PolicyVersion
from staff.models import StaffUser
from subjects.models import DataCategory, DataSubject, PersonalData
from tests.audit.conftest import category


class CategoryAdmin(HouseAdmin):
    list_display = ("code", "title")
    list_filter = ("biometric", "retention_class")
    fields = ("code", "title_kk", "title_ru", "title_en", "retention_class", "access", "biometric", "order")
    allowed_lookups = ("code",)


class ValueAdmin(ReadOnlyAdmin, HistoryAdmin):
    list_filter = ("category",)


site = KelisimAdminSite()
site.register(DataCategory, CategoryAdmin)
site.register(PersonalData, ValueAdmin)
site.register([StaffUser, PolicyVersion, DataSubject], HouseAdmin)
site.register(AccessRecord, AccessRecordAdmin)
urlpatterns = [path("admin/", site.urls)] + [p for p in urls.urlpatterns if getattr(p, "app_name", "") != "admin"]


def permit(user, *codenames):
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))


def history_of(row):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_history", args=[row.pk])


def entries(response) -> list[str]:
    body = response.content.decode()
    items = re.findall(r'<li class="history-entry".*?</li>', body, re.DOTALL)
    return [re.sub(r"\s+", " ", strip_tags(item.replace("<", " <"))).strip() for item in items]


def make(code):
    row = category(code)
    row.save()
    return row


def version_of(row, number):
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_simple_history"
    return reverse(name, args=[row.pk, row.history.order_by("history_id")[number].pk])
