"""Not in production: config/urls.py leaves these out there."""

from django.urls import path, re_path
from django.views.generic import TemplateView

from config.demo import views

app_name = "demo"
urlpatterns = [
    path("mail/", views.mailbox, name="mailbox"),
    re_path(rf"^mail/(?P<name>{views.NAME})/$", views.letter, name="letter"),
    re_path(rf"^mail/(?P<name>{views.NAME})/html/$", views.letter_html, name="letter-html"),
    path("telephone/", views.telephone, name="telephone"),
    path("parts/", TemplateView.as_view(template_name="parts_page.html"), name="parts"),
]
