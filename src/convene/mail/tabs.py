"""Our tab of the settings, registered as a plugin would."""

from django.utils.translation import gettext_lazy as _

from convene.settings_tabs import Area, SettingsTab

TEXTS = SettingsTab("texts", _("Texts"), Area.MAILS, "mail:texts", "mail:read", "mail:update")
