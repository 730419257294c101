from django.urls import path

from consent.views import consents, kept, notices, receipts

app_name = "consent"
urlpatterns = [
    path("policy/<slug:code>/", notices.changed, name="changed"),
    path("policy/<slug:code>/answer/", notices.give_answer, name="answer"),
    path("answers/", notices.answers, name="answers"),
    path("consents/", consents.consents, name="consents"),
    path("consents/<slug:code>/", consents.form, name="form"),
    path("consents/<slug:code>/answer/", consents.answer, name="give"),
    path("consents/<slug:code>/withdraw/", consents.withdraw, name="withdraw"),
    path("kept/", kept.kept, name="kept"),
    path("receipts/verify_receipt.py", receipts.verifier, name="verifier"),
    path("receipts/<uuid:public_id>.<str:format>", receipts.receipt, name="receipt"),
]
