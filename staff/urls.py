from django.http import HttpResponse
from django.urls import path

app_name = "staff"
urlpatterns = [path("undertaking/", lambda request: HttpResponse(""), name="undertaking")]
