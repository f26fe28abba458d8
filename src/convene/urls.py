"""All addresses of the product."""

from django.urls import include, path, re_path

from convene.api.views import serve
from convene.health import healthz
from convene.pages import get_or_post, reading
from convene.plugins import plugin_urls
from convene.settings_tabs import first_tab
from convene.tenancy import views
from convene.tenancy.pages import home

handler500 = "convene.health.broken"

staff = [
    path("settings/", reading(first_tab), name="settings"),
    path("me/", get_or_post(views.me, views.save_me), name="me"),
    path("", include("convene.appointments.urls")),
    path("", include("convene.clients.urls")),
    path("", include("convene.catalog.urls")),
    path("", include("convene.api.key_urls")),
    path("settings/availability/", include("convene.availability.urls")),
    path("settings/mails/texts/", include("convene.mail.urls")),
    *plugin_urls(),
]

urlpatterns = [
    path("", home, name="home"),
    path("healthz", healthz, name="healthz"),
    re_path(r"^api/", serve, name="api"),
    path("accounts/", include("convene.accounts.urls")),
    path("t/<slug:tenant>/", include(staff)),
    path("portal/<slug:tenant>/me/", get_or_post(views.me, views.save_me), name="portal_me"),
    path("portal/<slug:tenant>/", include("convene.portal.urls")),
    path("book/<slug:tenant>/", include("convene.portal.public_urls")),
]
