"""Client companies and their contacts."""

from zoneinfo import ZoneInfo

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from convene.tenancy.models import Membership, TenantForeignKey, TenantModel
from convene.wallclock import validate_zone


class Client(TenantModel):
    """A company that the MSP looks after."""

    name = models.CharField(_("name"), max_length=100)
    active = models.BooleanField(
        _("active"), default=True, help_text=_("An inactive client cannot ask for appointments.")
    )

    class Meta:
        db_table = "clients"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                "tenant",
                Lower("name"),
                name="one_client_of_a_name",
                violation_error_message=_("There is a client of this name already."),
            ),
        )

    def __str__(self) -> str:
        return self.name


class Contact(TenantModel):
    """A person at a client; with a membership they can sign in to the portal."""

    client = TenantForeignKey(Client, related_name="contacts", verbose_name=_("client"))
    name = models.CharField(_("name"), max_length=100)
    email = models.EmailField(_("e-mail"))
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    timezone = models.CharField(
        _("time zone"), max_length=64, blank=True, validators=[validate_zone]
    )
    membership = TenantForeignKey(Membership, null=True, blank=True, related_name="+")

    class Meta:
        db_table = "contacts"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                "tenant",
                "client",
                Lower("email"),
                name="one_contact_of_an_address",
                violation_error_message=_("This client has a contact with this address already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "membership"], name="one_contact_of_a_membership"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The zone this person reads times in: their own choice, ours for them, or the tenant's."""
        chosen = self.membership.timezone if self.membership else ""
        return ZoneInfo(chosen or self.timezone or self.tenant.timezone)
