"""All addresses of the product."""

from django.urls import include, path

from convene.health import healthz
from convene.tenancy.pages import home

staff = [
    path("", include("convene.appointments.urls")),
    path("", include("convene.clients.urls")),
    path("", include("convene.catalog.urls")),
]

urlpatterns = [
    path("", home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("accounts/", include("convene.accounts.urls")),
    path("t/<slug:tenant>/", include(staff)),
    path("portal/<slug:tenant>/", include("convene.portal.urls")),
]
