"""Every address of the house; apps bring their own, this file only composes."""

from django.conf import settings
from django.contrib import admin
from django.shortcuts import redirect
from django.urls import include, path

from config import health
from config.api import api
from consent.views import receipts

urlpatterns = [
    path("", lambda request: redirect("policies:index"), name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path(".well-known/kelisim-keys.json", receipts.keys, name="receipt-keys"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/staff/", include("staff.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("policy/", include("policies.urls")),
    path("cabinet/", include("subjects.urls")),
    path("cabinet/", include("consent.urls")),
    path("cabinet/", include("transfers.urls")),
]
if not settings.PRODUCTION:
    urlpatterns.append(path("demo/", include("config.demo.urls")))

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
