from django.urls import path

from convene.pages import get_or_post, reading

from . import public_views as views

app_name = "book"

urlpatterns = [
    path("", get_or_post(views.new, views.send), name="new"),
    path("r/<str:token>/", reading(views.follow), name="follow"),
    path("r/<str:token>/calendar.ics", reading(views.calendar_file), name="calendar"),
    path(
        "r/<str:token>/cancel/",
        get_or_post(views.confirm_cancel, views.cancel),
        name="cancel",
    ),
    path("r/<str:token>/again/", reading(views.ask_again), name="again"),
]
