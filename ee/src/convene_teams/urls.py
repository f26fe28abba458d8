from django.urls import path

from convene.pages import acting, get_or_post, reading

from . import views

app_name = "teams"

edit_profile = get_or_post(views.edit_profile, views.save_profile)

urlpatterns = [
    path("", get_or_post(views.integration, views.activate), name="integration"),
    path("deactivate/", acting(views.deactivate), name="deactivate"),
    path("profiles/new/", edit_profile, name="new_profile"),
    path("profiles/<uuid:pk>/", edit_profile, name="edit_profile"),
    path(
        "profiles/<uuid:pk>/archive/",
        get_or_post(views.confirm_archive, views.archive),
        name="archive_profile",
    ),
    path(
        "profiles/<uuid:pk>/delete/",
        get_or_post(views.confirm_delete, views.delete),
        name="delete_profile",
    ),
    path("meetings/", get_or_post(views.meetings, views.save_organizer), name="meetings"),
    path("meetings/verify/", acting(views.verify), name="verify"),
    path("runbook/", reading(views.read_runbook), name="runbook"),
    path("meetings/verified/<uuid:pk>/", reading(views.verified), name="verified"),
]
