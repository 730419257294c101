"""The house's own addresses and the naive decision."""

from django.urls import path
from ninja import NinjaAPI

from bench.naive import router
from config.urls import urlpatterns as house

naive = NinjaAPI(title="Naive", urls_namespace="naive")
naive.add_router("", router)
urlpatterns = [path("api/naive/", naive.urls), *house]
