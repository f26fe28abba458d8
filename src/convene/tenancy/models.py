"""Tenants, memberships, and the base of every tenant-owned model."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

from django.db import models, router
from django.db.models import Q
from django.db.models.query import QuerySet
from django.utils.translation import gettext_lazy as _

from convene.accounts.models import User
from convene.text import initials
from convene.wallclock import validate_zone

from .db import TenantNotSet, needed_tenant_id
from .fields import TenantField, TenantForeignKey
from .permissions import Role, permissions_of

_Row = TypeVar("_Row", bound=models.Model)

__all__ = ["ApiKey", "Membership", "Tenant", "TenantForeignKey", "TenantModel"]


class Tenant(models.Model):
    """A managed service provider."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(_("short name in addresses"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=100)
    timezone = models.CharField(_("time zone"), max_length=64, validators=[validate_zone])
    email = models.EmailField(_("e-mail for replies and new requests"))
    phone = models.CharField(_("phone"), max_length=40, blank=True)

    class Meta:
        db_table = "tenants"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def initials(self) -> str:
        return initials(self.name)

    @property
    def tint(self) -> int:
        """Which of the eight colours its badge has: always the same, so that people who work for
        several MSPs see at once where they are."""
        return self.id.int % 8


class MembershipQuerySet(QuerySet["Membership"]):
    """People are always asked for by their tenant or by the person signed in."""

    def of_user(self, user: User) -> Self:
        """Where a signed-in person may go, by name of the MSP."""
        return self.filter(user=user, active=True).select_related("tenant")

    def of_tenant(self, tenant: Tenant | uuid.UUID) -> Self:
        return self.filter(tenant=tenant).select_related("user").order_by("user__name", "id")

    def technicians(self) -> Self:
        """Who can be given an appointment: active staff, never a client's sign-in."""
        return self.filter(active=True).exclude(role=Role.CLIENT)

    def lock(self, ids: Collection[uuid.UUID]) -> "list[Membership]":
        """Lock members of the block's tenant, in the order of ids, until the transaction ends."""
        rows = self.filter(tenant_id=needed_tenant_id(), id__in=ids).order_by("id")
        return list(rows.select_for_update(no_key=True))


class Membership(models.Model):
    """A person's place in one tenant: what they may do there and the zone they read times in.

    Technicians, approvers and a contact's sign-in point here with the tenant in the key, so that
    nobody from outside can be assigned.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    active = models.BooleanField(_("active"), default=True)
    timezone = models.CharField(
        _("time zone"), max_length=64, blank=True, validators=[validate_zone]
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        db_table = "memberships"
        constraints = (
            models.UniqueConstraint(fields=["tenant", "id"], name="membership_key_in_tenant"),
            models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_per_person"),
        )

    def __str__(self) -> str:
        return self.user.name

    @property
    def is_client(self) -> bool:
        return self.role == Role.CLIENT

    @property
    def is_technician(self) -> bool:
        """Whether they can be given appointments, as in `MembershipQuerySet.technicians`."""
        return self.active and not self.is_client

    @property
    def zone(self) -> ZoneInfo:
        """The zone this person reads times in: their own, else the tenant's."""
        return ZoneInfo(self.timezone or self.tenant.timezone)

    def may(self, permission: str) -> bool:
        return permission in permissions_of(self.role)


class TenantQuerySet(QuerySet[_Row]):
    """UPDATE and DELETE over a join keep the tenant.

    Django rewrites them to ``WHERE id IN (SELECT ...)`` and loses the outer condition on the
    tenant; the rows are asked for once more from the tenant's manager.
    """

    def _joins(self) -> bool:
        query = self.query
        return sum(1 for alias in query.alias_map if query.alias_refcount[alias]) > 1

    def _without_joins(self) -> QuerySet[_Row]:
        inner = self if self.query.is_sliced else self.order_by()
        outer = self.model._base_manager.using(self.db)
        return outer.filter(pk__in=inner.values("pk"))

    def update(self, **kwargs: Any) -> int:
        if self._joins():
            return QuerySet.update(self._without_joins(), **kwargs)
        return super().update(**kwargs)

    update.alters_data = True  # type: ignore[attr-defined]  # read by the template engine

    def _raw_delete(self, using: str | None) -> int:
        rows = self._without_joins() if self._joins() else self
        return super(TenantQuerySet, rows)._raw_delete(using)  # type: ignore[misc,no-any-return]  # private to Django


class TenantManager(models.Manager[_Row]):
    """Rows of the tenant whose block we are in; outside of one an error, never all rows."""

    _queryset_class = TenantQuerySet

    def get_queryset(self) -> QuerySet[_Row]:
        try:
            return super().get_queryset().filter(tenant_id=needed_tenant_id())
        except TenantNotSet:
            name = self.model.__name__
            raise TenantNotSet(f"{name} is read only inside tenant_atomic().") from None

    def bulk_create(self, objs: Iterable[_Row], *args: Any, **kwargs: Any) -> list[_Row]:
        rows: Sequence[Any] = list(objs)
        for row in rows:
            row.tenant_id = row.tenant_id or needed_tenant_id()
        return super().bulk_create(rows, *args, **kwargs)


class TenantModel(models.Model):
    """A row that belongs to one tenant; in the database its key is ``(tenant_id, id)``."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = TenantField()

    objects = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.tenant_id = self.tenant_id or needed_tenant_id()
        super().save(*args, **kwargs)

    def validate_constraints(self, exclude: Iterable[str] | None = None) -> None:
        """Forms leave ``tenant`` out; without it Django would skip every unique constraint."""
        self.tenant_id = self.tenant_id or needed_tenant_id()
        super().validate_constraints(exclude={name for name in exclude or () if name != "tenant"})

    def _do_update(self, base_qs: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        return super()._do_update(base_qs.filter(tenant_id=self.tenant_id), *args, **kwargs)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> Any:
        using = using or router.db_for_write(type(self), instance=self)
        rows = type(self)._base_manager.using(using)
        return rows.filter(tenant_id=self.tenant_id, pk=self.pk).delete()

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: QuerySet[Any] | None = None,
    ) -> None:
        if from_queryset is None:
            manager = type(self)._base_manager.db_manager(using, hints={"instance": self})
            from_queryset = manager.filter(tenant_id=self.tenant_id)
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)


class ApiKeyQuerySet(TenantQuerySet["ApiKey"]):
    def in_force(self, now: datetime) -> Self:
        """Those that open something: not ended, and of somebody who is still here."""
        not_ended = Q(ends_at=None) | Q(ends_at__gt=now)
        return self.filter(not_ended, member__active=True, member__user__is_active=True)


class ApiKey(TenantModel):
    """A member's key to the API; whoever has it acts as that member.

    Its text is kept nowhere (keys.py). Of its use only the last minute is known, and how many calls
    were in it, which is what its limit counts.
    """

    member = TenantForeignKey(Membership, db_on_delete="cascade", related_name="+")
    name = models.CharField(_("name"), max_length=100)
    start = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    calls = models.PositiveIntegerField(default=0)

    objects = TenantManager.from_queryset(ApiKeyQuerySet)()  # type: ignore[misc]  # a narrower manager

    class Meta:
        db_table = "api_keys"
        base_manager_name = "objects"
        ordering = ("-created_at", "id")
        constraints = (
            models.UniqueConstraint(fields=["tenant", "digest"], name="one_api_key_of_a_digest"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def last_moment(self) -> datetime | None:
        """The last one at which it is good."""
        return self.ends_at and self.ends_at - timedelta.resolution
