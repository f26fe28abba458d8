"""Where the pages of Teams are in the settings, and who may see and change them."""

from django.utils.translation import gettext_lazy as _

from convene.settings_tabs import Area, SettingsTab

from .readiness import is_active

READ, UPDATE = "tenant_integrations:read", "tenant_integrations:update"
INTEGRATION, MEETINGS = "teams", "teams-meetings"

TABS = (
    SettingsTab(
        INTEGRATION, "Microsoft Teams", Area.INTEGRATIONS, "teams:integration", READ, UPDATE
    ),
    SettingsTab(
        MEETINGS,
        _("Teams Meetings"),
        Area.AVAILABILITY,
        "teams:meetings",
        READ,
        UPDATE,
        visible=is_active,
    ),
)
