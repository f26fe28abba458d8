from django.urls import path

from convene.pages import acting, get_or_post, reading

from . import views

app_name = "clients"

edit_client = get_or_post(views.edit_client, views.save_client)
edit_contact = get_or_post(views.edit_contact, views.save_contact)

urlpatterns = [
    path("clients/", reading(views.client_list), name="list"),
    path("clients/new/", edit_client, name="new"),
    path("clients/<uuid:pk>/", reading(views.detail), name="detail"),
    path("clients/<uuid:pk>/edit/", edit_client, name="edit"),
    path("clients/<uuid:client>/contacts/new/", edit_contact, name="new_contact"),
    path("clients/<uuid:client>/contacts/<uuid:pk>/", edit_contact, name="edit_contact"),
    path("clients/<uuid:client>/contacts/<uuid:pk>/invite/", acting(views.invite), name="invite"),
]
