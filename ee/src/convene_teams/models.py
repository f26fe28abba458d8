"""What a tenant told us about its Microsoft tenant, and who organizes its meetings."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from convene.sealed import seal, unseal
from convene.tenancy.models import TenantForeignKey, TenantModel

from .clouds import NOT_IN_CHINA, Cloud, validate_guid, validate_microsoft_tenant


class MicrosoftProfile(TenantModel):
    """An app registration in a Microsoft tenant, and the secret that signs in as it.

    Meetings keep the profile that made them, so a profile that is no longer used is archived.
    """

    display_name = models.CharField(_("name"), max_length=100)
    microsoft_tenant_id = models.CharField(
        _("directory (tenant) id or domain"),
        max_length=253,
        validators=[validate_microsoft_tenant],
    )
    client_id = models.CharField(
        _("application (client) id"), max_length=36, validators=[validate_guid]
    )
    sealed_secret = models.TextField(editable=False)
    cloud = models.CharField(
        _("cloud"),
        max_length=20,
        choices=Cloud.choices,
        default=Cloud.GLOBAL,
        error_messages={"invalid_choice": NOT_IN_CHINA},
    )
    archived = models.BooleanField(_("archived"), default=False)

    class Meta:
        db_table = "microsoft_profiles"
        ordering = ("display_name", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(cloud__in=Cloud.values), name="profile_is_in_a_cloud_with_meetings"
            ),
        )

    def __str__(self) -> str:
        return self.display_name

    def seal_secret(self, secret: str) -> None:
        """Keep a client secret: readable only as the secret of this very row."""
        self.sealed_secret = seal(secret, self._place)

    def unseal_secret(self) -> str:
        """The client secret. Raises CannotUnseal."""
        return unseal(self.sealed_secret, self._place)

    @property
    def _place(self) -> str:
        return f"{self.tenant_id}:microsoft_profiles.secret:{self.id}"


class InstallStatus(models.TextChoices):
    NOT_CONFIGURED = "not_configured", _("Not configured")
    INSTALL_PENDING = "install_pending", _("Installation pending")
    ACTIVE = "active", _("Active")
    ERROR = "error", _("Error")


class TeamsIntegration(TenantModel):
    """A tenant's use of Teams: with which profile, in which state."""

    install_status = models.CharField(
        max_length=20, choices=InstallStatus.choices, default=InstallStatus.NOT_CONFIGURED
    )
    selected_profile = TenantForeignKey(MicrosoftProfile, null=True, blank=True, related_name="+")
    last_error = models.TextField(blank=True)
    default_meeting_organizer_upn = models.TextField(null=True, blank=True)  # noqa: DJ001  # null: none
    """Who organizes new meetings, as the admin typed it: a UPN or an object id."""
    # What Graph answered for a UPN. An object id means something in one Microsoft tenant only.
    organizer_object_id = models.CharField(max_length=36, blank=True)
    organizer_name = models.CharField(max_length=256, blank=True)
    organizer_resolved_in = models.CharField(max_length=253, blank=True)

    class Meta:
        db_table = "teams_integrations"
        constraints = (
            models.UniqueConstraint(fields=["tenant"], name="one_teams_integration_per_tenant"),
            models.CheckConstraint(
                condition=Q(install_status__in=InstallStatus.values),
                name="teams_integration_has_a_known_status",
            ),
            models.CheckConstraint(
                condition=~Q(default_meeting_organizer_upn=""), name="no_organizer_is_null"
            ),
        )

    def __str__(self) -> str:
        return self.install_status
