from django.urls import path

from subjects import views

app_name = "cabinet"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in_page, name="sign-in"),
    path("code/", views.code_page, name="code"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("language/", views.language, name="language"),
    path("not-mine/<str:token>/", views.not_mine, name="not-mine"),
]
