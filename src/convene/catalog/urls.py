from django.urls import path

from convene.pages import get_or_post, reading

from . import views

app_name = "catalog"

edit = get_or_post(views.edit, views.save)

urlpatterns = [
    path("services/", reading(views.service_list), name="list"),
    path("services/new/", edit, name="new"),
    path("services/<uuid:pk>/", edit, name="edit"),
]
