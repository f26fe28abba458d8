"""Our tabs of the settings, registered as a plugin would."""

from django.utils.translation import gettext_lazy as _

from convene.settings_tabs import Area, SettingsTab

READ, UPDATE = "availability:read", "availability:update"

TABS = tuple(
    SettingsTab(slug, label, Area.AVAILABILITY, f"availability:{slug}", READ, UPDATE)
    for slug, label in (
        ("general", _("General")),
        ("hours", _("Working hours")),
        ("services", _("Services")),
        ("exceptions", _("Exceptions")),
    )
)
