from django.urls import path

from subjects import request_views, views

app_name = "cabinet"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in_page, name="sign-in"),
    path("code/", views.code_page, name="code"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("language/", views.language, name="language"),
    path("not-mine/<str:token>/", views.not_mine, name="not-mine"),
    path("requests/", request_views.requests, name="requests"),
    path("requests/new/", request_views.new, name="request-new"),
    path("requests/<uuid:public_id>/", request_views.one, name="request"),
    path("requests/<uuid:public_id>/attach/", request_views.attach, name="request-attach"),
    path("requests/<uuid:public_id>/answer/", request_views.answer, name="request-answer"),
    path("requests/<uuid:public_id>/answer.pdf", request_views.answer_pdf, name="request-pdf"),
    path("requests/<uuid:public_id>/files/<uuid:file_id>/", request_views.file, name="request-file"),
]
