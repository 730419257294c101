from django.urls import path

from subjects import account_pages, denial_views, file_views, pages, request_views, views

app_name = "cabinet"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in_page, name="sign-in"),
    path("code/", views.code_page, name="code"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("enter", account_pages.hand_over, name="enter"),
    path("data/", pages.data, name="data"),
    path("denylist/<uuid:handle>/", denial_views.denial, name="denial"),
    path("looked/", pages.who_looked, name="looked"),
    path("letters/", pages.letters, name="letters"),
    path("help/", pages.help_page, name="help"),
    path("not-me/", pages.not_me, name="not-me"),
    path("not-me/done/", pages.not_me_done, name="not-me-done"),
    path("contacts/", account_pages.contacts_page, name="contacts"),
    path("contacts/email/", account_pages.change_email, name="contact-email"),
    path("contacts/phone/", account_pages.change_phone, name="contact-phone"),
    path("contacts/code/", account_pages.contact_code, name="contact-code"),
    path("sessions/", account_pages.sessions_page, name="sessions"),
    path("sessions/end/", account_pages.end_session, name="end-session"),
    path("represent/", account_pages.represent, name="represent"),
    path("language/", views.language, name="language"),
    path("file/", file_views.file_page, name="file"),
    path("file/subject-file.pdf", file_views.file_download, {"ending": "pdf"}, name="file-pdf"),
    path("file/subject-file.json", file_views.file_download, {"ending": "json"}, name="file-json"),
    path("file/subject-file.zip", file_views.file_download, {"ending": "zip"}, name="file-zip"),
    path("not-mine/<str:token>/", views.not_mine, name="not-mine"),
    path("requests/", request_views.requests, name="requests"),
    path("requests/new/", request_views.new, name="request-new"),
    path("requests/<uuid:public_id>/", request_views.one, name="request"),
    path("requests/<uuid:public_id>/attach/", request_views.attach, name="request-attach"),
    path("requests/<uuid:public_id>/answer/", request_views.answer, name="request-answer"),
    path("requests/<uuid:public_id>/answer.pdf", request_views.answer_pdf, name="request-pdf"),
    path("requests/<uuid:public_id>/files/<uuid:file_id>/", request_views.file, name="request-file"),
]
