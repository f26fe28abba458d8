"""All addresses of the product."""

from django.urls import include, path

from convene.health import healthz
from convene.pages import reading
from convene.plugins import plugin_urls
from convene.settings_tabs import first_tab
from convene.tenancy.pages import home

staff = [
    path("settings/", reading(first_tab), name="settings"),
    path("", include("convene.appointments.urls")),
    path("", include("convene.clients.urls")),
    path("", include("convene.catalog.urls")),
    *plugin_urls(),
]

urlpatterns = [
    path("", home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("accounts/", include("convene.accounts.urls")),
    path("t/<slug:tenant>/", include(staff)),
    path("portal/<slug:tenant>/", include("convene.portal.urls")),
]
