from django.urls import path

from convene.pages import get_or_post, reading

from . import views

app_name = "mail"

KIND = "<slug:kind>/"

urlpatterns = [
    path("", reading(views.texts), name="texts"),
    path(KIND, get_or_post(views.text, views.save_text), name="text"),
    path(KIND + "preview/", get_or_post(views.preview, views.preview_draft), name="preview"),
    path(KIND + "ours/", get_or_post(views.confirm_ours, views.back_to_ours), name="ours"),
]
