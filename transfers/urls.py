from django.urls import path

from transfers import views

app_name = "transfers"
urlpatterns = [path("received/", views.who_received, name="received")]
