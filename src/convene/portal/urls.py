from django.urls import path

from convene.pages import get_or_post, reading

from . import views

app_name = "portal"

urlpatterns = [
    path("", reading(views.appointment_list), name="list"),
    path("new/", get_or_post(views.new, views.send), name="new"),
    path("requests/<uuid:pk>/", reading(views.detail), name="detail"),
    path("requests/<uuid:pk>/calendar.ics", reading(views.calendar_file), name="calendar"),
    path(
        "requests/<uuid:pk>/cancel/",
        get_or_post(views.confirm_cancel, views.cancel),
        name="cancel",
    ),
    path("requests/<uuid:pk>/again/", reading(views.ask_again), name="again"),
]
