from django.urls import path

from convene.pages import acting, get_or_post, reading

from . import views

app_name = "availability"

general = get_or_post(views.general, views.save_general)
edit_hours = get_or_post(views.edit_hours, views.save_hours)
edit_service = get_or_post(views.edit_service, views.save_service)
exceptions = get_or_post(views.exceptions, views.add_exception)

urlpatterns = [
    path("general/", general, name="general"),
    path("hours/", reading(views.hours), name="hours"),
    path("hours/<uuid:pk>/", edit_hours, name="edit_hours"),
    path("services/", reading(views.services), name="services"),
    path("services/<uuid:pk>/", edit_service, name="edit_service"),
    path("exceptions/", exceptions, name="exceptions"),
    path("exceptions/<uuid:pk>/delete/", acting(views.delete_exception), name="delete_exception"),
]
