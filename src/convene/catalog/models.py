"""Services and the technicians who perform them."""

from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.db.models.query import QuerySet
from django.utils.translation import gettext_lazy as _

from convene.tenancy.models import (
    Membership,
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantQuerySet,
)


class ServiceQuerySet(TenantQuerySet["Service"]):
    def public(self) -> Self:
        """What anybody can ask for."""
        return self.filter(active=True, public=True)


class Service(TenantModel):
    """Something that clients book, with its length."""

    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    duration = models.PositiveSmallIntegerField(
        _("duration in minutes"),
        default=30,
        validators=[MinValueValidator(5), MaxValueValidator(720)],
    )
    active = models.BooleanField(
        _("active"), default=True, help_text=_("An inactive service is not offered to clients.")
    )
    public = models.BooleanField(
        _("public"),
        default=False,
        db_default=False,  # processes of the version before add services, too
        help_text=_("Anybody with the address of your booking page can ask for it."),
    )

    objects = TenantManager.from_queryset(ServiceQuerySet)()  # type: ignore[misc]  # a narrower manager

    class Meta:
        db_table = "services"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                "tenant",
                Lower("name"),
                name="one_service_of_a_name",
                violation_error_message=_("There is a service of this name already."),
            ),
            models.CheckConstraint(
                condition=models.Q(duration__gte=5, duration__lte=720),
                name="service_lasts_5_to_720_minutes",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def performers(self) -> QuerySet[Membership]:
        """The technicians who can be given this service today."""
        named = ServicePerformer.objects.filter(service=self).values("technician_id")
        return Membership.objects.of_tenant(self.tenant_id).technicians().filter(id__in=named)


class ServicePerformer(TenantModel):
    """A technician performs a service."""

    service = TenantForeignKey(Service, db_on_delete="cascade", related_name="+")
    technician = TenantForeignKey(Membership, related_name="+")

    class Meta:
        db_table = "service_performers"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "service", "technician"], name="a_performer_is_named_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.service_id} {self.technician_id}"
