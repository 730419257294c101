from django.urls import path

from staff import views

app_name = "staff"
urlpatterns = [
    # not "undertaking/": that is the admin's list of the texts
    path("undertaking/accept/", views.undertaking, name="undertaking"),
    path("password/reset/", views.password_reset, name="password-reset"),
    path("password/reset/sent/", views.password_reset_sent, name="password-reset-sent"),
    path("password/set/<uidb64>/<token>/", views.SetPassword.as_view(), name="set-password"),
]
