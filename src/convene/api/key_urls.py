from django.urls import path

from convene.pages import get_or_post

from . import key_views

app_name = "api_keys"

urlpatterns = [
    path("api-keys/", get_or_post(key_views.keys, key_views.make_key), name="list"),
    path(
        "api-keys/<uuid:pk>/revoke/",
        get_or_post(key_views.confirm_revoke, key_views.revoke),
        name="revoke",
    ),
]
