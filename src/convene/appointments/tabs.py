"""Our tab of the settings, registered as a plugin would."""

from django.utils.translation import gettext_lazy as _

from convene.settings_tabs import Area, SettingsTab

REMINDERS = SettingsTab(
    "reminders",
    _("Reminders"),
    Area.MAILS,
    "appointments:reminders",
    "mail:read",
    "mail:update",
)
