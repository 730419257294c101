from django.urls import path

from consent import views

app_name = "consent"
urlpatterns = [
    path("policy/<slug:code>/", views.changed, name="changed"),
    path("policy/<slug:code>/answer/", views.give_answer, name="answer"),
    path("answers/", views.answers, name="answers"),
]
