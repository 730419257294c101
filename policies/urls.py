from django.urls import path

from policies import views

app_name = "policies"
urlpatterns = [
    path("", views.index, name="index"),
    path("<slug:code>/", views.current, name="current"),
    path("<slug:code>/v/", views.versions, name="versions"),
    path("<slug:code>/v/<int:number>/", views.version, name="version"),
    path("<slug:code>/v/<int:number>/changes/", views.changes_page, name="changes"),
    path("<slug:code>/v/<int:number>/changes/<int:since>/", views.changes_page, name="changes-since"),
    path("<slug:code>/v/<int:number>/<str:language>.md", views.source, name="source"),
]
